/** What order-api wants done. */
export interface WebhookRequest {
  id: string;
  endpoint_id: string;
  restaurant_id: string | null;
  kind: string;
  event_type: string | null;
  delivery_id: string | null;
  since: Date | null;
  after_delivery: string | null;
  after_event: string | null;
  requested_at: Date;
}
