"""Tools reached by http whose protocol a card says as data: what to send, where the answers lie, what their words mean.

`options` is what a card may say, `card` checks it, `adapter` makes the calls, `reader` reads what comes back. Protocols
that need code on top (multipart, a blocking call, bytes in the answer) derive from `adapter.HttpAdapter`.
"""
