"""Open weights on this machine, through the diffusers library: one adapter for all its text-to-video pipelines.

`options` is what a card may say, `plan` turns wishes into a call, `pipeline` loads and times the weights, `call` checks
what goes in and reads what comes out. torch and diffusers are imported when a clip is sampled, never before.
"""
