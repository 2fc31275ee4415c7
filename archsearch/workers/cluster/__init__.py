"""Workers on the nodes of a Ray cluster: an optional back end of the dispatcher, never chosen by default.

    driver        pool.ClusterPool    what `pool.WorkerPool` is on one machine; stays the only writer and judge
       | pipe, letters
    bridge        bridge              the one process that speaks Ray, so that what Ray does to signals, to standard output
       | Ray                          and to a process whose cluster is gone does not reach the driver
    outpost       outpost.Outpost     an actor per core or GPU: a `WorkerPool` of one, with the usual worker process

The messages of worker and driver (`workers.messages`) travel in letters, unread on the way.
"""
