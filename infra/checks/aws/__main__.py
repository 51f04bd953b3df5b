"""Prints what the checks see.

python3 -m aws         the template after its translation
python3 -m aws rights  the rows of the table in infra/aws/README.md
"""

import json
import sys

from . import roles
from .template import Template

if sys.argv[1:] == ["rights"]:
    print("\n".join(roles.row(it) for it in roles.rights(Template.read())))
else:
    json.dump(Template.read().translated, sys.stdout, indent=1)
