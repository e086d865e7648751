/** As `pg` gives it. */
export interface WebhookRow {
  readonly id: string
  readonly namespace: string
  readonly url: string
  readonly types: readonly string[]
  readonly created_at: number
  readonly created_by: string
  /** Events up to here have their deliveries. */
  readonly position: number
  readonly disabled_at: number | null
  readonly disabled_why: string | null
}

export interface DeliveryRow {
  readonly webhook_id: string
  readonly event_position: number
  readonly state: 'waiting' | 'delivered' | 'given-up'
  readonly attempts: number
  readonly next_ms: number
  readonly last_answer: string | null
  readonly changed_at: number
}
