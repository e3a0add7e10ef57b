"""One reader a format; each writes what a file says, with its pages, on a `Scribe`."""
