"""What stands between an experiment and a tracking store that may be away: it sends, or keeps on disk.

`Outbox` is its door: one for each store. `backlogs` lists what waits in a data directory.
"""

from segmentwerk.tracking.outbox.sender import Outbox
from segmentwerk.tracking.outbox.spool import backlogs
from segmentwerk.tracking.outbox.store_requests import KEY, OFFLINE, REASON, STATUS, RunSpec

__all__ = ["KEY", "OFFLINE", "REASON", "STATUS", "Outbox", "RunSpec", "backlogs"]
