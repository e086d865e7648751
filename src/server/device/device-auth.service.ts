import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { Refusal } from '../../domain/refusal.js'
import { hashSecret } from './device-secret.js'

/** Which device a credential belongs to. It says who may ask, not what is true: that is what signatures are for. */
@Injectable()
export class DeviceAuth {
  constructor(private readonly database: DataSource) {}

  /** @returns the device id. @throws Refusal `UNAUTHENTICATED`, also for a device of another namespace. */
  async requireDevice(namespace: string, credential: string | null): Promise<string> {
    if (credential === null) throw new Refusal('UNAUTHENTICATED', {})
    const [row] = await this.database.query<{ id: string }[]>(
      'SELECT id FROM device WHERE credential_sha256 = $1 AND namespace = $2',
      [hashSecret(credential), namespace],
    )
    if (row === undefined) throw new Refusal('UNAUTHENTICATED', {})
    return row.id
  }
}
