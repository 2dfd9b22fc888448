"""What the integration tests stand on: fleets, servers, namespaces and machines of their own."""
