import type { MigrationInterface, QueryRunner } from 'typeorm'

/** What is due is looked for webhook by webhook. Locks out writes to `webhook_delivery` while the index is made: a second a million rows. */
export class WebhooksApart1764001300000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`SET LOCAL lock_timeout = '5s'`)
    await db.query(
      `CREATE INDEX webhook_delivery_due_by_webhook ON webhook_delivery (webhook_id, next_ms) WHERE state = 'waiting'`,
    )
    await db.query(`DROP INDEX webhook_delivery_due`)
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`CREATE INDEX webhook_delivery_due ON webhook_delivery (next_ms) WHERE state = 'waiting'`)
    await db.query(`DROP INDEX webhook_delivery_due_by_webhook`)
  }
}
