"""Puts the repository's documents into the site under their own paths, with what they link to."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files

ROOT = Path(__file__).resolve().parent.parent
PAGES = ("*.md", "docs/*.md")
FOLDERS = ("examples", "grammars/cells", "grammars/torchrecurrent", "grammars/presets")
"""Folders that documents link to: each has a page that lists its files."""

INDEX = "index"
BESIDE = ("docs/*.svg", "docs/*.png", "docs/*.json", "CITATION.cff", "LICENSE")
LINK = re.compile(rf"(\]\((?:\.\./)?(?:{'|'.join(FOLDERS)}))(?=\))")


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Return the theme's files and the repository's."""
    kept = [file for file in files if file.src_dir != config.docs_dir]
    shown = [path for pattern in (*PAGES, *BESIDE) for path in sorted(ROOT.glob(pattern))]
    shown += [path for folder in FOLDERS for path in sorted((ROOT / folder).iterdir()) if path.is_file()]
    kept += [File(path.relative_to(ROOT).as_posix(), str(ROOT), config.site_dir, False) for path in shown]
    kept += [File.generated(config, f"{folder}/{INDEX}.md", content=_listing(folder)) for folder in FOLDERS]
    return Files(kept)


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Return a document in which a link to a folder leads to its page."""
    return LINK.sub(rf"\1/{INDEX}.md", markdown)


def _listing(folder: str) -> str:
    """Return a page of the files of a folder, each as text."""
    paths = sorted(path for path in (ROOT / folder).iterdir() if path.is_file())
    parts = [f"## {path.name}\n\n[{path.name}]({path.name})\n\n{_fenced(path)}" for path in paths]
    return "\n\n".join([f"# {folder}", *parts])


def _fenced(path: Path) -> str:
    language = {".py": "python", ".c": "c", ".toml": "toml"}.get(path.suffix, "text")
    return f"````{language}\n{path.read_text(encoding='utf-8')}````"
