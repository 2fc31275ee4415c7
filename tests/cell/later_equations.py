"""The equations of the library's cells from 2014 on that are neither GRUs nor LSTMs, or of one of these with less or more.

Weights are named as `letters` names them; see `test_equations.py`, which holds the cells against them.
"""

from collections.abc import Callable
from functools import partial
from types import SimpleNamespace
from typing import Any

import numpy as np

Weights = SimpleNamespace
Vector = np.ndarray[Any, np.dtype[np.float64]]
States = tuple[Vector, ...]


def sigmoid(a: Vector) -> Vector:
    return 1 / (1 + np.exp(-a))


def relu(a: Vector) -> Vector:
    return np.maximum(a, 0)


def of_x(w: Weights, gate: str, x: Vector) -> Vector:
    """W x + b of one gate."""
    result: Vector = vars(w)[f"W_{gate}x"] @ x + vars(w)[f"b_{gate}"]
    return result


def net(w: Weights, gate: str, x: Vector, h: Vector, state: str = "h") -> Vector:
    """W x + W h + b of one gate."""
    result: Vector = of_x(w, gate, x) + vars(w)[f"W_{gate}{state}"] @ h
    return result


def slstm(w: Weights, x: Vector, h: Vector, c: Vector, n: Vector, m: Vector) -> States:
    """Beck et al. 2024 without the stabiliser: exp(m) c and exp(m) n are the paper's c and n."""
    i, f = np.exp(net(w, "i", x, h)), sigmoid(w.V_fx @ x + w.V_fh @ h + w.b_f)
    z, o = np.tanh(net(w, "z", x, h)), sigmoid(net(w, "o", x, h))
    c, n = f * np.exp(m) * c + i * z, f * np.exp(m) * n + i
    m = np.maximum(np.log(f) + m, np.log(i))
    return o * c / n, c / np.exp(m), n / np.exp(m), m


def minlstm(w: Weights, x: Vector, h: Vector) -> States:
    f, i = sigmoid(of_x(w, "f", x)), sigmoid(of_x(w, "i", x))
    return (f / (f + i) * h + i / (f + i) * of_x(w, "n", x),)


def rg_lru(w: Weights, x: Vector, h: Vector) -> States:
    """De et al. 2024, equations 1 to 4, with a of the learned vector: a scale of -1 is its negative."""
    r, i = sigmoid(of_x(w, "r", x)), sigmoid(of_x(w, "i", x))
    a = sigmoid(w.p_a) ** (8 * r)
    return (a * h + np.sqrt(1 - a**2) * (i * (w.P @ x)),)


def bistable(kind: str, w: Weights, x: Vector, h: Vector) -> States:
    """Vecoven et al. 2021: BRC and nBRC."""

    def gate(name: str) -> Vector:
        own = vars(w)
        return of_x(w, name, x) + (own[f"p_{name}"] * h if kind == "brc" else own[f"W_{name}h"] @ h)

    a, c = 1 + np.tanh(gate("a")), sigmoid(gate("c"))
    return (c * h + (1 - c) * np.tanh(of_x(w, "h", x) + a * h),)


def paragru(w: Weights, x: Vector, h: Vector) -> States:
    z, r = sigmoid(of_x(w, "z", x) + w.p_z * h), sigmoid(of_x(w, "r", x) + w.p_r * h)
    return ((1 - z) * h + z * np.tanh(of_x(w, "n", x) + w.p_n * (h * r)),)


def paralstm(w: Weights, x: Vector, h: Vector, c: Vector) -> States:
    f = sigmoid(of_x(w, "f", x) + w.p_fh * h + w.p_fc * c)
    c = f * c + (1 - f) * np.tanh(of_x(w, "z", x) + w.p_z * h)
    o = sigmoid(of_x(w, "o", x) + w.p_oh * h + w.p_oc * c)
    return o * np.tanh(c), c


def ran(w: Weights, x: Vector, h: Vector, c: Vector) -> States:
    c = sigmoid(net(w, "i", x, h)) * (w.W_gx @ x) + sigmoid(net(w, "f", x, h)) * c
    return np.tanh(c), c


def cfn(w: Weights, x: Vector, h: Vector) -> States:
    theta, eta = sigmoid(net(w, "theta", x, h)), sigmoid(net(w, "eta", x, h))
    return (theta * np.tanh(h) + eta * np.tanh(w.W_gx @ x),)


def delta_rnn(w: Weights, x: Vector, h: Vector) -> States:
    of_data, of_state = w.W_ex @ x, w.W_vh @ h
    z = np.tanh(w.p_zd * of_state * of_data + w.p_zv * of_state + w.p_ze * of_data + w.p_z1)
    r = sigmoid(of_data + w.p_r)
    return (np.tanh((1 - r) * z + r * h),)


def cornn(w: Weights, x: Vector, y: Vector, z: Vector) -> States:
    dt, gamma, epsilon = 0.05, 1, 1
    z = z + dt * np.tanh(net(w, "n", x, y) + w.W_nc @ z) - dt * gamma * y - dt * epsilon * z
    return y + dt * z, z


def lem(w: Weights, x: Vector, y: Vector, z: Vector) -> States:
    dt, bar = sigmoid(net(w, "a", x, y)), sigmoid(net(w, "b", x, y))
    z = (1 - dt) * z + dt * np.tanh(net(w, "c", x, y))
    return (1 - bar) * y + bar * np.tanh(net(w, "h", x, z, "c")), z


def star(w: Weights, x: Vector, h: Vector) -> States:
    k = sigmoid(net(w, "k", x, h))
    return (np.tanh((1 - k) * h + k * np.tanh(of_x(w, "z", x))),)


def ligru(w: Weights, x: Vector, h: Vector) -> States:
    z = sigmoid(net(w, "z", x, h))
    return (z * h + (1 - z) * relu(net(w, "n", x, h)),)


def scrn(w: Weights, x: Vector, y: Vector, h: Vector, s: Vector) -> States:
    s = (1 - 0.95) * (w.W_sx @ x) + 0.95 * s
    h = sigmoid(w.W_us @ s + w.W_ux @ x + w.W_uu @ h)
    return w.W_hu @ h + w.W_hs @ s, h, s


def sru(w: Weights, x: Vector, h: Vector, c: Vector) -> States:
    f, r = sigmoid(of_x(w, "f", x) + w.p_f * c), sigmoid(of_x(w, "r", x) + w.p_r * c)
    c = f * c + (1 - f) * (w.W_cx @ x)
    return r * c + (1 - r) * (w.P @ x), c


def qrnn(w: Weights, x: Vector, h: Vector, c: Vector, p: Vector) -> States:
    z, f, o = (vars(w)[f"W_{gate}p"] @ p + vars(w)[f"W_{gate}x"] @ x for gate in "zfo")
    c = sigmoid(f) * c + (1 - sigmoid(f)) * np.tanh(z)
    return sigmoid(o) * c, c, w.P @ x


def hgrn(w: Weights, x: Vector, h: Vector, c: Vector) -> States:
    gamma, candidate = sigmoid(w.p_low), of_x(w, "c", x)
    forget = gamma + (1 - gamma) * sigmoid(of_x(w, "f", x))
    c = forget * c + (1 - forget) * candidate * sigmoid(candidate)
    return sigmoid(of_x(w, "h", x)) * c, c


def rwkv4(w: Weights, x: Vector, h: Vector, a: Vector, b: Vector, m: Vector, p: Vector) -> States:
    """Peng et al. 2023 without the guard against overflow: exp(m) a and exp(m) b are the sums of the paper's average."""
    own, x = vars(w), w.P @ x
    r, k, v = (own[f"W_{g}p"] @ (own[f"p_{g}"] * x + (1 - own[f"p_{g}"]) * p) for g in "rkv")
    above, below = np.exp(m) * a, np.exp(m) * b
    newest = np.exp(w.p_bonus + k)
    y = w.W_hy @ (sigmoid(r) * (above + newest * v) / (below + newest))
    decay = np.exp(w.p_decayed)
    m = np.maximum(m - decay, k)
    above, below = np.exp(-decay) * above + np.exp(k) * v, np.exp(-decay) * below + np.exp(k)
    return y, above / np.exp(m), below / np.exp(m), m, x


def indylstm(w: Weights, x: Vector, h: Vector, c: Vector) -> States:
    i, f, g, o = (of_x(w, gate, x) + vars(w)[f"p_{gate}"] * h for gate in "ifgo")
    c = sigmoid(f) * c + sigmoid(i) * np.tanh(g)
    return sigmoid(o) * np.tanh(c), c


def atr(w: Weights, x: Vector, h: Vector) -> States:
    p, q = of_x(w, "p", x), w.W_qh @ h
    return (sigmoid(p + q) * p + sigmoid(p - q) * h,)


def light_ru(w: Weights, x: Vector, h: Vector) -> States:
    f = sigmoid(net(w, "f", x, h))
    return ((1 - f) * h + f * np.tanh(of_x(w, "n", x)),)


def multiplicative_lstm(w: Weights, x: Vector, h: Vector, c: Vector) -> States:
    m = (w.W_mx @ x) * (w.W_mh @ h)
    i, f, o = (sigmoid(net(w, gate, x, m, "m")) for gate in "ifo")
    c = f * c + i * np.tanh(net(w, "g", x, m, "m"))
    return np.tanh(c) * o, c


def sgrn(w: Weights, x: Vector, h: Vector) -> States:
    f = sigmoid(of_x(w, "e", x) + w.W_fh @ h)
    return (np.tanh((1 - f) * of_x(w, "e", x) + f * h),)


def unicornn(w: Weights, x: Vector, y: Vector, z: Vector) -> States:
    dt, alpha, pace = 0.1, 1, sigmoid(w.p_pace)
    z = z - dt * pace * (np.tanh(w.p_n * y + of_x(w, "n", x)) + alpha * y)
    return y + dt * pace * z, z


def wmclstm(w: Weights, x: Vector, h: Vector, c: Vector) -> States:
    def gate(name: str, memory: Vector) -> Vector:
        own = vars(w)
        looked = np.tanh(own[f"W_{name}c"] @ memory + own[f"b_{name}c"])
        return sigmoid(own[f"W_{name}x"] @ x + own[f"W_{name}h"] @ h + own[f"b_{name}x"] + looked)

    i, f = gate("i", c), gate("f", c)
    c = f * c + i * np.tanh(net(w, "g", x, h))
    return gate("o", c) * np.tanh(c), c


def intersection_rnn(w: Weights, x: Vector, y: Vector, h: Vector) -> States:
    a, n, g, u = (net(w, gate, x, h, "s") for gate in "angu")
    y = sigmoid(g) * (w.P @ x) + (1 - sigmoid(g)) * relu(a)
    return y, sigmoid(u) * h + (1 - sigmoid(u)) * np.tanh(n)


def res_lstm(w: Weights, x: Vector, h: Vector, c: Vector) -> States:
    i, f = sigmoid(net(w, "i", x, h) + w.p_i * c), sigmoid(net(w, "f", x, h) + w.p_f * c)
    c = f * c + i * np.tanh(net(w, "g", x, h))
    o = sigmoid(net(w, "o", x, h) + w.p_o * c)
    return o * (w.W_ht @ np.tanh(c) + w.W_hx @ x), c


def mc_lstm(w: Weights, x: Vector, h: Vector, v: Vector, c: Vector) -> States:
    f, i, o, m = (sigmoid(net(w, gate, x, v, "v")) for gate in "fiom")
    c = f * c + i * np.tanh(net(w, "n", x, v, "v"))
    return o * np.tanh(c), m * np.tanh(c), c


def gated(deep: bool, w: Weights, x: Vector, h: Vector) -> States:
    """Gao and Glowacka 2016: SGU and DSGU."""
    s = np.tanh(w.W_sh @ (of_x(w, "e", x) * h) + w.b_s)
    n = sigmoid(w.W_nh @ (s * h)) if deep else np.log1p(np.exp(s * h))
    z = sigmoid(net(w, "z", x, h))
    return ((1 - z) * h + z * n,)


def tau_gru(w: Weights, x: Vector, h: Vector, p: Vector) -> States:
    u, z = np.tanh(net(w, "u", x, h)), np.tanh(net(w, "z", x, p, "p"))
    g, a = sigmoid(net(w, "g", x, h)), sigmoid(net(w, "a", x, h))
    return (1 - g) * h + g * (u + a * z), h


def rhn(w: Weights, x: Vector, h: Vector) -> States:
    own, s = vars(w), h
    for of_h, of_t, reads in (("a", "t", "h"), ("b", "u", "s"), ("d", "w", "q")):
        fed = reads == "h"
        new, t = (
            own[f"W_{g}{reads}"] @ s + own[f"b_{g}"] + (own[f"W_{g}x"] @ x if fed else 0)
            for g in (of_h, of_t)
        )
        s = np.tanh(new) * sigmoid(t) + s * (1 - sigmoid(t))
    return (s,)


LATER: dict[str, Callable[..., States]] = {
    "slstm": slstm,
    "minlstm": minlstm,
    "rg_lru": rg_lru,
    "brc": partial(bistable, "brc"),
    "nbrc": partial(bistable, "nbrc"),
    "paragru": paragru,
    "paralstm": paralstm,
    "ran": ran,
    "cfn": cfn,
    "delta_rnn": delta_rnn,
    "cornn": cornn,
    "lem": lem,
    "star": star,
    "ligru": ligru,
    "scrn": scrn,
    "sru": sru,
    "qrnn": qrnn,
    "hgrn": hgrn,
    "rwkv4": rwkv4,
    "indylstm": indylstm,
    "atr": atr,
    "light_ru": light_ru,
    "multiplicative_lstm": multiplicative_lstm,
    "sgrn": sgrn,
    "unicornn": unicornn,
    "wmclstm": wmclstm,
    "intersection_rnn": intersection_rnn,
    "res_lstm": res_lstm,
    "mc_lstm": mc_lstm,
    "sgu": partial(gated, False),
    "dsgu": partial(gated, True),
    "tau_gru": tau_gru,
    "rhn": rhn,
}
