-- A delivery without further attempts is `failed`, as the API calls it.
UPDATE webhook_deliveries SET status = 'failed' WHERE status = 'given-up';
