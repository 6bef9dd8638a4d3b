"""Darknet's cfg and weights files.

`cfg` reads the text, `net` turns its sections into layers with the help of `filters`, `windows`, `joins` and `heads`,
`recipe` makes the solver, `weights` reads the trained values, `conversion` puts it all together.
Source: Joseph Redmon's Darknet (github.com/pjreddie/darknet), src/parser.c, and its fork github.com/AlexeyAB/darknet.
"""
