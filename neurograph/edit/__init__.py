"""Graphs made from graphs: what differs between two, one without a part, a part alone, two as one."""
