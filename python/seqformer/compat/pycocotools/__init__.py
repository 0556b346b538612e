"""The modules of pycocotools, and of its edition for YouTube-VIS, that have a counterpart here."""
