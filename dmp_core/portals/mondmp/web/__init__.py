"""The frame of mon-dmp: who may open what, cookies, headers, refusals, what templates may call."""
