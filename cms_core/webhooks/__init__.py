"""Who is told of events by a signed POST: subscriptions, messages, and what sends them."""
