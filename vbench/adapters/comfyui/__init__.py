"""A ComfyUI server of one's own: a graph in API format, with the wishes written into the nodes that a card names.

`graph` is what a card may say and the graph it names, `adapter` queues it, `server` reads what the server says of it.
"""
