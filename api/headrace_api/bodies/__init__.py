"""The shapes of requests and answers, derived from the resources' models; they are the OpenAPI schema."""
