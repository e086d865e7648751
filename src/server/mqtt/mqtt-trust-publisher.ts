import { Injectable } from '@nestjs/common'
import { DataSource } from 'typeorm'
import { toHex } from '../../domain/bytes.js'
import { Clock } from '../../domain/clock.js'
import { encodeTrustMessage } from '../../protocol/mqtt-payloads.js'
import { krlTopic, trustTopic } from '../../protocol/mqtt-topics.js'
import { TrustPublisher, type PublishedTrust } from '../keys/trust-publisher.port.js'
import { OutboxService, type OutboxMessage } from './outbox.service.js'

/** A message that could not be sent for so long was replaced by a newer one. */
const KEEP_SECONDS = 30 * 86_400

/** Retained messages that tell a whole namespace what is newest; by way of the outbox, so a broker that is down gets them later. */
@Injectable()
export class MqttTrustPublisher extends TrustPublisher {
  /** KRL that this instance announced last, by namespace: it may be large and changes seldom. */
  private readonly announced = new Map<string, string>()

  constructor(
    private readonly database: DataSource,
    private readonly outbox: OutboxService,
    private readonly clock: Clock,
  ) {
    super()
  }

  override async publish(namespace: string, trust: PublishedTrust): Promise<void> {
    const expiresAt = this.clock.nowSeconds() + KEEP_SECONDS
    const { rootVersion, krlNumber, krl, krlSha256, freshness } = trust
    const payload = encodeTrustMessage({
      rootVersion,
      krlNumber,
      krlSha256: krlSha256 ?? new Uint8Array(32),
      ...(freshness === null ? {} : { freshness }),
    })
    const messages: OutboxMessage[] = [{ topic: trustTopic(namespace), payload, isRetained: true, expiresAt }]
    const digest = krlSha256 === null ? '' : toHex(krlSha256)
    // The KRL first: whoever wakes up by the trust message finds it there.
    if (krl !== null && this.announced.get(namespace) !== digest)
      messages.unshift({ topic: krlTopic(namespace), payload: krl, isRetained: true, expiresAt })
    await this.database.transaction((manager) => this.outbox.enqueue(manager, messages))
    this.announced.set(namespace, digest)
    this.outbox.wake()
  }
}
