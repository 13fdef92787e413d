"""The engine: from "something changed" to "this key is being worked on". It knows no kind of object by name.

Where to look:

- `queue.py`: which key is due when, never with two workers at once; `workers.py`: the tasks that work on them.
- `source.py`: what an informer needs of an API server; `informer.py`: LIST and WATCH that never give up;
  `store.py`: the copy that they fill, and what may replace what in it.
- `primaries.py`: the objects that the queue's keys name, as Kopf's events bring them.
- `inquiries.py`: questions that many ask and that are asked of the world once, such as what a Secret holds;
  `agenda.py`: which is due when, and whose turn it is; `breaker.py`: a server that is down is left alone.
- `leadership.py`: which of several processes may write.
- `packed.py`: how objects are kept small;
  `backoff.py`, `pace.py`, `failures.py`: how long to wait, how many a second, and what to say in the log.

An event never carries work, only a key: whoever works on it reads the newest state from the stores. So events may
come late, twice, in a wrong order or not at all for a while, and the end is the same.
"""
