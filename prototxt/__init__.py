"""The language of Caffe's definitions: reads, upgrades and writes prototxt. Knows no layer.

    doc = load_net("lenet.prototxt")            # parsed, old syntax upgraded
    doc.message.layer[0].name                   # a schema.NetParameter
    doc.location("layer[0].name")               # file, line, column
    print(to_text(doc.message))
"""

from prototxt import schema
from prototxt.document import Document
from prototxt.errors import Location, NetdefError, PrototxtError, suggestion
from prototxt.printer import to_text
from prototxt.reading import load_net, load_solver, parse, parse_net, parse_solver, read
from prototxt.upgrade import upgrade_net, upgrade_solver

__all__ = [
    "Document",
    "Location",
    "NetdefError",
    "PrototxtError",
    "load_net",
    "load_solver",
    "parse",
    "parse_net",
    "parse_solver",
    "read",
    "schema",
    "suggestion",
    "to_text",
    "upgrade_net",
    "upgrade_solver",
]
