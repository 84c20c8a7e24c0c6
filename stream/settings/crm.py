"""Settings: CRMs."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr
from pydantic_settings import NoDecode

from stream.settings.base import Name, SettingsGroup, check_private_url, check_urls, split_pairs

__all__ = ["CrmSettings"]


class CrmSettings(SettingsGroup):
    """CRMs: their APIs, and the webhooks that they send."""

    crm_url: Annotated[str, AfterValidator(check_private_url)] | None = None
    """Address of the CRM: `https://MY-DOMAIN.my.salesforce.com`, `https://ORG.crm.dynamics.com`.
    Default for HubSpot: `https://api.hubapi.com`."""

    crm_object: Name = ""
    """Kind of the CRM's records. Default: `contacts` of HubSpot, `Lead` of Salesforce, `leads` of
    Dynamics."""

    crm_key: Name = ""
    """Property of these records that holds `lead_id`: a unique one, by which records are updated or
    created; or the CRM's own id (`hs_object_id`, `Id`), by which they are only updated."""

    crm_fields: Annotated[Mapping[str, str], NoDecode, BeforeValidator(split_pairs)] = {}
    """Properties that the sink `crm` writes, as `FIELD=PROPERTY` with a field of the scored event,
    separated by commas (docs/crm.md). Default: `score`, `category`, `reasons`, `scored_at` and
    `order`, in properties whose names begin with `leadscore_`."""

    crm_token: SecretStr | None = None
    """Access token of the CRM, such as that of a private app of HubSpot."""

    crm_client_id: str | None = None
    """Client id, if access tokens are fetched by OAuth's client credentials grant."""

    crm_client_secret: SecretStr | None = None
    """Secret of that client."""

    crm_token_url: Annotated[str, AfterValidator(check_private_url)] | None = None
    """Address from which these tokens are fetched. Default for Salesforce: `/services/oauth2/token`
    at the address of the CRM; for Dynamics, set
    `https://login.microsoftonline.com/TENANT/oauth2/v2.0/token`."""

    crm_requests_per_second: Annotated[float, Field(gt=0, le=1000, allow_inf_nan=False)] | None = (
        None
    )
    """Mean rate of requests to the CRM, per second and process. Default: 8 to HubSpot, 10 to
    Salesforce, 15 to Dynamics."""

    hooks_url: Annotated[str, AfterValidator(check_urls)] | None = None
    """Address of `leadscore hooks` as the CRM calls it, such as `https://hooks.example.com`. It is
    part of what HubSpot signs."""

    hooks_hubspot_secret: SecretStr | None = None
    """Client secret of the HubSpot app that sends webhooks; with it, `/hooks/hubspot` is served."""

    hooks_salesforce_org: str | None = None
    """Id of the Salesforce org that sends outbound messages, 18 characters. With it, and a secret
    or client certificates, `/hooks/salesforce` is served."""

    hooks_salesforce_secret: Annotated[SecretStr, Field(min_length=16)] | None = None
    """Secret in the address of Salesforce's outbound messages (`/hooks/salesforce?secret=SECRET`),
    as these have no signature. At least 16 characters."""

    hooks_secret: SecretStr | None = None
    """Secret of the Standard Webhooks signature, `whsec_` and base64; with it, `/hooks/generic` is
    served."""

    hooks_fields: Annotated[Mapping[str, str], NoDecode, BeforeValidator(split_pairs)] = {}
    """Fields of a lead and the properties of the CRM from which webhooks of HubSpot and Salesforce
    fill them: `FIELD=PROPERTY`, separated by commas, such as `company_size=numberofemployees`."""
