"""plain.py FORMAT FILE: what the file says, as sorted JSON, read with the libraries that az reads it with."""

import json
import sys

import javaproperties
import yaml

readers = {"json": json.load, "yaml": yaml.safe_load, "properties": javaproperties.load}
with open(sys.argv[2], encoding="utf-8") as file:
    print(json.dumps(readers[sys.argv[1]](file), indent=1, sort_keys=True, ensure_ascii=False))
