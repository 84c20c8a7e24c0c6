"""CRM simulator: sends leads of a file or synthetic ones to Kafka, and counts them exactly."""
