"""Debian's `az` with its App Configuration commands repaired.

Debian 12 pairs az 2.45 with later libraries than az was written for:
- `azure.keyvault.key_vault_id` is gone; az itself ships the file under another name.
- azure-appconfiguration 1.4 rewrites the values of feature flags and Key Vault references when it reads them, and
  az then misses the flag's `id`. Here every setting is read as it is, as the library of that time did.
"""

import importlib.util
import runpy
import sys
from pathlib import Path

import azure.cli
from azure.appconfiguration import _models

source = Path(azure.cli.__path__[0], "command_modules/keyvault/vendored_sdks/azure_keyvault_t1/key_vault_id.py")
spec = importlib.util.spec_from_file_location("azure.keyvault.key_vault_id", source)
module = importlib.util.module_from_spec(spec)
spec.loader.exec_module(module)
sys.modules["azure.keyvault.key_vault_id"] = module


def plain(_, item):
    return _models.ConfigurationSetting(
        key=item.key, label=item.label, value=item.value, content_type=item.content_type, tags=item.tags,
        last_modified=item.last_modified, read_only=item.locked, etag=item.etag)


for kind in (_models.FeatureFlagConfigurationSetting, _models.SecretReferenceConfigurationSetting):
    kind._from_generated = classmethod(plain)

sys.argv[0] = "az"
runpy.run_module("azure.cli", run_name="__main__")
