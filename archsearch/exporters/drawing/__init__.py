"""The drawing of a cell: what is in the picture, where it lies, and how it becomes SVG."""
