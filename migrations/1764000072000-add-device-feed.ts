import type { MigrationInterface, QueryRunner } from 'typeorm'

/**
 * Tells whoever listens on `device_news` when something changes that the answer to a device's poll is made of. Replaces nothing and
 * writes nothing; the triggers are put on within a moment.
 */
export class AddDeviceFeed1764000072000 implements MigrationInterface {
  async up(db: QueryRunner): Promise<void> {
    await db.query(`SET LOCAL lock_timeout = '5s'`)
    await db.query(`CREATE FUNCTION device_news() RETURNS trigger LANGUAGE plpgsql AS $$
      DECLARE
        row record := coalesce(NEW, OLD);
      BEGIN
        IF TG_TABLE_NAME = 'device' THEN
          PERFORM pg_notify('device_news', row.namespace || ' ' || row.id);
        ELSE
          PERFORM pg_notify('device_news', row.namespace || ' ' || row.device_id);
        END IF;
        RETURN NULL;
      END $$`)
    await db.query(`CREATE TRIGGER device_news AFTER UPDATE OF state, assignment ON deployment FOR EACH ROW
      WHEN (NEW.assignment IS NOT NULL AND (OLD.state IS DISTINCT FROM NEW.state OR OLD.assignment IS DISTINCT FROM NEW.assignment))
      EXECUTE FUNCTION device_news()`)
    await db.query(`CREATE TRIGGER device_news AFTER UPDATE OF class_id, credential_sha256, attributes, tags, groups, version_key ON device
      FOR EACH ROW WHEN (OLD.class_id IS DISTINCT FROM NEW.class_id OR OLD.credential_sha256 IS DISTINCT FROM NEW.credential_sha256
        OR OLD.attributes IS DISTINCT FROM NEW.attributes OR OLD.tags IS DISTINCT FROM NEW.tags
        OR OLD.groups IS DISTINCT FROM NEW.groups OR OLD.version_key IS DISTINCT FROM NEW.version_key)
      EXECUTE FUNCTION device_news()`)
    await db.query(`CREATE TRIGGER device_news_gone AFTER DELETE ON device FOR EACH ROW EXECUTE FUNCTION device_news()`)
    await db.query(`CREATE TRIGGER device_news AFTER UPDATE ON ddi_target FOR EACH ROW
      WHEN (OLD.is_config_asked IS DISTINCT FROM NEW.is_config_asked OR OLD.installed_action IS DISTINCT FROM NEW.installed_action)
      EXECUTE FUNCTION device_news()`)
  }

  async down(db: QueryRunner): Promise<void> {
    await db.query(`DROP TRIGGER device_news ON ddi_target`)
    await db.query(`DROP TRIGGER device_news_gone ON device`)
    await db.query(`DROP TRIGGER device_news ON device`)
    await db.query(`DROP TRIGGER device_news ON deployment`)
    await db.query(`DROP FUNCTION device_news()`)
  }
}
