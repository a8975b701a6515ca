"""Faults of Pangea's own that are known and not mended yet; empty is right."""

#: scenario → what Pangea does wrong there
FAULTS: dict[str, str] = {
    "http: bare line feeds": "refuses line ends that RFC 9112 section 2.2 lets pass",
    "http: certificate fading": "tells of the first certificate's expiry alone",
}
