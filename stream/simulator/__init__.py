"""The CRM's side: leads of a file or synthetic ones, played to Kafka, with an exact count."""
