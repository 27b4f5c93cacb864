"""How fast one network predicts, through figsight and through the runtimes beside it.

__main__.py   the command line: who is measured, in which order, and the table
candidates.py  one network through torch, torch.compile, ONNX Runtime, OpenVINO and figsight
worker.py     one candidate in a process of its own, doing what it is told, a line at a time
limit.py      what the machine could do at most, and how many multiply-adds a network needs
resized.py    the same network for pictures of another size
table.py      all of it as Markdown
sizes.py      what has to be installed for each
"""
