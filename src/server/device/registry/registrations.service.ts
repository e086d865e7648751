import { Injectable } from '@nestjs/common'
import { DataSource, type EntityManager } from 'typeorm'
import { decodeCbor } from '../../../domain/cbor/decode.js'
import { findBase64Url } from '../../../domain/bytes.js'
import { Clock } from '../../../domain/clock.js'
import { coseKeyFromCbor, keyIdHexOf } from '../../../domain/cose/cose-key.js'
import { Refusal } from '../../../domain/refusal.js'
import { AuditService } from '../../audit/audit.service.js'
import { DeviceClasses } from '../../rollout/device-classes.service.js'

/** One key of a list that a maker of devices brings. */
export interface NewRegistration {
  /** COSE_Key in base64url. */
  readonly key: string
  readonly className: string
  readonly attributes: Readonly<Record<string, string>>
}
/** `known`: it is there as it is asked for. */
export type RegistrationResult =
  | { readonly deviceId: string; readonly result: 'added' | 'known' }
  | { readonly result: 'refused'; readonly code: string; readonly why: string }

interface Held {
  readonly class_id: Buffer
}

/** Public keys that may enrol without a token: a device whose key the factory listed shows it, and is let in. */
@Injectable()
export class Registrations {
  constructor(
    private readonly database: DataSource,
    private readonly classes: DeviceClasses,
    private readonly audit: AuditService,
    private readonly clock: Clock,
  ) {}

  /** Each for itself; repeated it changes nothing. @returns what became of each, in order. */
  async add(
    namespace: string,
    items: readonly NewRegistration[],
    actor: string,
  ): Promise<readonly RegistrationResult[]> {
    return this.database.transaction(async (manager) => {
      const results: RegistrationResult[] = []
      for (const item of items) results.push(await this.addOne(manager, namespace, item, actor))
      const added = results.filter(({ result }) => result === 'added').length
      if (added > 0)
        await this.audit.record(manager, {
          namespace,
          actor,
          event: 'device.keys-registered',
          detail: { devices: added },
        })
      return results
    })
  }

  private async addOne(
    manager: EntityManager,
    namespace: string,
    item: NewRegistration,
    actor: string,
  ): Promise<RegistrationResult> {
    try {
      const classId = Buffer.from(this.classes.requireId(namespace, item.className))
      const deviceId = keyIdHexOf(coseKeyFromCbor(decodeCbor(requireBytes(item.key))))
      const [row] = await manager.query<unknown[]>(
        `INSERT INTO device_registration (namespace, key_id, class_id, attributes, registered_at, registered_by)
         VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT DO NOTHING RETURNING key_id`,
        [namespace, deviceId, classId, JSON.stringify(item.attributes), this.clock.nowSeconds(), actor],
      )
      if (row !== undefined) return { deviceId, result: 'added' }
      const held = await findHeld(manager, namespace, deviceId)
      if (held?.class_id.equals(classId) === true) return { deviceId, result: 'known' }
      throw new Refusal('CONFLICT', { what: 'key', why: 'it is registered for another class' })
    } catch (error) {
      if (!(error instanceof Refusal)) throw error
      const why = Object.values(error.detail).map(String).join(': ')
      return { result: 'refused', code: error.code, why }
    }
  }

  /**
   * Lets an enrolment in by its key alone. @returns what the factory said of the device.
   * @throws Refusal `UNAUTHENTICATED` for a key that nobody registered, `ENROLMENT_REFUSED` for one of another class.
   */
  async require(
    manager: EntityManager,
    namespace: string,
    keyId: string,
    classId: Uint8Array,
  ): Promise<Readonly<Record<string, string>>> {
    const [row] = await manager.query<{ class_id: Buffer; attributes: Record<string, string> }[]>(
      'SELECT class_id, attributes FROM device_registration WHERE namespace = $1 AND key_id = $2',
      [namespace, keyId],
    )
    if (row === undefined) throw new Refusal('UNAUTHENTICATED', {})
    if (!row.class_id.equals(Buffer.from(classId)))
      throw new Refusal('ENROLMENT_REFUSED', { why: 'the key is registered for another class' })
    return row.attributes
  }
}

function requireBytes(text: string): Uint8Array {
  const bytes = findBase64Url(text)
  if (bytes === null) throw new Refusal('REQUEST_INVALID', { field: 'key', why: 'not base64url' })
  return bytes
}

async function findHeld(manager: EntityManager, namespace: string, keyId: string): Promise<Held | undefined> {
  const [row] = await manager.query<Held[]>(
    'SELECT class_id FROM device_registration WHERE namespace = $1 AND key_id = $2',
    [namespace, keyId],
  )
  return row
}
