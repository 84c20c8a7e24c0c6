"""APIs of CRMs: HubSpot, Salesforce and Dynamics 365, for the sink `crm` and for webhooks.

An account (stream/crm/account.py) reads and writes properties of a CRM's records in batches. Its
connection (stream/crm/connection.py) has the tenant's access token and its token bucket.
May import: settings.
"""
