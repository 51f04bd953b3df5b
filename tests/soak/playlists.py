"""The published objects: what playlists and manifests name, and what is in the buckets."""

import posixpath
import re

from cloud import MEDIA, PRIVATE

URI = re.compile(r'URI="([^"]+)"')


def names(text):
    """The URIs of a playlist; those of keys separately.

    >>> names('#EXTM3U\\n#EXT-X-KEY:METHOD=AES-128,URI="k.key"\\n#EXT-X-MAP:URI="i.mp4"\\n#EXTINF:4,\\ns_00000.ts\\n')
    (['i.mp4', 's_00000.ts'], ['k.key'])
    """
    media, keys = [], []
    for line in text.splitlines():
        if line.startswith("#"):
            (keys if line.startswith("#EXT-X-KEY") else media).extend(URI.findall(line))
        elif line.strip():
            media.append(line.strip())
    return media, keys


class Published:
    """The published objects of all videos."""

    def __init__(self, cloud, videos):
        self.cloud = cloud
        self.media, self.private = cloud.list(MEDIA, "hls/"), cloud.list(PRIVATE)
        self.missing, self.named, self.keys, self.generations = [], set(), 0, {}
        for it in videos:
            self._read(it)
        self.orphans = sorted(set(self.media) - self.named)

    def _read(self, video):
        """Follows the master playlist of a video to everything that it names."""
        master = f"hls/{video}/master.m3u8"
        prefix = f"manifests/{video}/"
        manifests = [it for it in self.private if it.startswith(prefix) and not it.endswith(".plan.json")]
        self.generations[video] = {it.removeprefix(prefix).removesuffix(".json") for it in manifests}
        self.generations[video] |= {it.split("/")[2] for it in self.media if self._is_in_generation(it, video)}
        for key in self._follow(master):
            if key.endswith(".m3u8"):
                self._follow(key)
        for it in manifests:
            self._name_images(video, it.removeprefix(prefix).removesuffix(".json"))

    @staticmethod
    def _is_in_generation(key, video):
        parts = key.split("/")
        return parts[1] == video and len(parts) > 3 and parts[2] != "posters"

    def _follow(self, playlist):
        """The keys of the objects that a playlist names."""
        self.named.add(playlist)
        if playlist not in self.media:
            self.missing.append(playlist)
            return []
        uris, keys = names(self.cloud.get(MEDIA, playlist).decode())
        folder = posixpath.dirname(playlist)
        found = [posixpath.normpath(posixpath.join(folder, it)) for it in uris]
        self.missing += [it for it in found if it not in self.media]
        self.named.update(found)
        for it in keys:
            self._look_for_key(folder, it)
        return found

    def _look_for_key(self, folder, uri):
        """A playlist names `FOLDER/KEY.key`; the wrapped key is in the private bucket."""
        _, video, generation, _ = folder.split("/")
        wrapped = f"keys/{video}/{generation}/{posixpath.basename(uri).removesuffix('.key')}.json"
        self.keys += 1
        if wrapped not in self.private:
            self.missing.append(wrapped)

    def _name_images(self, video, generation):
        """The images of a generation have fixed names."""
        folder = f"hls/{video}/{generation}"
        fixed = {f"{folder}/{it}" for it in ("poster.jpg", "storyboard.jpg", "storyboard.vtt")}
        self.missing += sorted(fixed - set(self.media))
        self.named |= fixed | {it for it in self.media if it.startswith(f"{folder}/thumbs/thumb_")}
