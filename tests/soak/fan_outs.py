"""Which videos several transcoders encode together. The rows exist only while they do."""

import threading


class FanOuts:
    """Looks at the table twice a second, and remembers who encoded chunks of which video."""

    def __init__(self, database):
        self.database, self.workers, self.ended = database, {}, threading.Event()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def _run(self):
        while not self.ended.wait(0.5):
            query = "SELECT DISTINCT video, worker FROM fan_out_chunks WHERE done_ms IS NOT NULL"
            for video, worker in self.database.sql(query):
                self.workers.setdefault(video, set()).add(worker)

    @property
    def videos(self):
        """Those with chunks of at least two transcoders."""
        return [it for it, workers in self.workers.items() if len(workers) > 1]

    def stop(self):
        self.ended.set()
        self.thread.join(timeout=30)
