import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { sha256, toHex } from '../../src/domain/bytes.js'
import { parseAssignment } from '../../src/domain/trust/assignment.js'
import { parseSign1 } from '../../src/domain/cose/sign1.js'
import { parseOfferMessage, parseTrustMessage } from '../../src/protocol/mqtt-payloads.js'
import { deviceTopic, krlTopic, trustTopic } from '../../src/protocol/mqtt-topics.js'
import { EmbeddedBroker } from '../../src/embedded/broker.js'
import { OutboxService } from '../../src/server/mqtt/outbox.service.js'
import { first, firstTwo, type FleetDevice } from '../support/fleet-device.js'
import { eventually, FleetFixture, IMAGE } from '../support/fleet-fixture.js'

let fleet: FleetFixture
beforeAll(async () => {
  fleet = await FleetFixture.start()
}, 60_000)
afterAll(async () => {
  await fleet.stop()
}, 120_000)

const counterOf = async (device: FleetDevice): Promise<number | null> =>
  first(
    await fleet.sql<{ report_counter: number | null }>('SELECT report_counter FROM device WHERE id = $1', [device.id]),
  )[0].report_counter
const reportTopic = (device: FleetDevice): string => deviceTopic(fleet.namespace, device.id, 'report')
const ready = async (): Promise<unknown> =>
  JSON.parse((await fleet.app.inject({ method: 'GET', url: '/health/ready' })).payload) as unknown

describe('the broker', () => {
  it('carries signed reports, and the poll then acknowledges them', async () => {
    const [device] = first(await fleet.enrolDevices(1))
    const client = await fleet.listen(device, trustTopic(fleet.namespace), () => undefined)
    await client.publishAsync(reportTopic(device), Buffer.from(await device.sign()), { qos: 1 })
    await client.publishAsync(reportTopic(device), Buffer.from(await device.sign()), { qos: 1 })
    await eventually(async () => ((await counterOf(device)) === 2 ? true : null))
    expect((await device.offered()).ack).toEqual({ epoch: 1, counter: 2 })
  })

  it('carries nothing that is signed by another device than its topic names', async () => {
    const [thief, victim] = firstTwo(await fleet.enrolDevices(2))
    const client = await fleet.listen(thief, trustTopic(fleet.namespace), () => undefined)
    const forged = [
      await victim.sign({ state: 'confirmed' }),
      await thief.sign({ deviceId: victim.id }),
      await thief.sign({ namespace: 'meter/prod' }),
      Buffer.from('no document'),
    ]
    for (const report of forged) await client.publishAsync(reportTopic(thief), Buffer.from(report), { qos: 1 })
    const onForeignTopic = client.publishAsync(reportTopic(victim), Buffer.from(await victim.sign()), { qos: 1 })
    await expect(onForeignTopic).rejects.toThrow(/Not authorized/i)
    // A good one behind them shows that all were looked at.
    await client.publishAsync(reportTopic(thief), Buffer.from(await thief.sign()), { qos: 1 })
    await eventually(async () => ((await counterOf(thief)) === thief.counter ? true : null))
    expect(await counterOf(victim)).toBeNull()
  })

  it('brings every report to a server, though a device joins whatever group it may guess', async () => {
    const [thief, other] = firstTwo(await fleet.enrolDevices(2))
    // Granted, as any subscription is: what the rules deny is the delivery, which is then lost.
    await fleet.listen(thief, '$share/server/cs/v1/+/+/d/+/report', () => undefined)
    const client = await fleet.listen(other, trustTopic(fleet.namespace), () => undefined)
    for (let sent = 1; sent <= 4; sent += 1) {
      await client.publishAsync(reportTopic(other), Buffer.from(await other.sign()), { qos: 1 })
      await eventually(async () => ((await counterOf(other)) === sent ? true : null))
    }
    const [{ name }] = first(await fleet.sql<{ name: string }>('SELECT name FROM report_group'))
    expect(name).toMatch(/^[A-Za-z0-9_-]{22}$/)
  })

  it('brings an offer to the one device it is for', async () => {
    const [device] = first(await fleet.enrolDevices(1))
    const release = await fleet.release(5)
    const { id } = await fleet.rollout(release, [device], { stages: [{ percent: 100 }], jitterSeconds: 7 })
    const seen: Uint8Array[] = []
    await fleet.listen(device, deviceTopic(fleet.namespace, device.id, 'offer'), (_, payload) => seen.push(payload))
    await fleet.call('POST', `/rollouts/${id}/start`)
    const payload = await eventually(() => seen[0] ?? null)
    const offer = parseOfferMessage(payload)
    expect({ ...offer, assignment: null }).toEqual({
      assignment: null,
      imageSizeBytes: IMAGE.length,
      jitterSeconds: 7,
      manifestSha256: release.manifestSha256,
    })
    const assignment = parseAssignment(parseSign1(offer.assignment, 65_536).payload ?? new Uint8Array())
    expect(assignment).toMatchObject({ deviceId: device.id, rolloutId: id })
    await eventually(async () => ((await fleet.sql('SELECT 1 FROM mqtt_outbox')).length === 0 ? true : null))
  })

  it('keeps what is newest in a namespace for whoever connects', async () => {
    await fleet.publishKrl({ number: 2 })
    const [device] = first(await fleet.enrolDevices(1))
    const krl = fleet.signers.krl?.bytes ?? new Uint8Array()
    const seen = new Map<string, Uint8Array>()
    const keep = (topic: string, payload: Uint8Array) => seen.set(topic, payload)
    await eventually(async () => ((await fleet.sql('SELECT 1 FROM mqtt_outbox')).length === 0 ? true : null))
    const client = await fleet.listen(device, krlTopic(fleet.namespace), keep)
    await client.subscribeAsync(trustTopic(fleet.namespace), { qos: 1 })
    const trust = parseTrustMessage(await eventually(() => seen.get(trustTopic(fleet.namespace)) ?? null))
    expect({ ...trust, freshness: null }).toEqual({
      rootVersion: 1,
      krlNumber: 2,
      freshness: null,
      krlSha256: sha256(krl),
    })
    expect(toHex(seen.get(krlTopic(fleet.namespace)) ?? new Uint8Array())).toBe(toHex(krl))
  })

  it('keeps reports for a server that is away', async () => {
    const [device] = first(await fleet.enrolDevices(1))
    const client = await fleet.listen(device, trustTopic(fleet.namespace), () => undefined)
    await fleet.restartServer(async () => {
      for (let count = 0; count < 3; count += 1)
        await client.publishAsync(reportTopic(device), Buffer.from(await device.sign()), { qos: 1 })
    })
    await eventually(async () => ((await counterOf(device)) === 3 ? true : null))
  }, 120_000)
})

describe('a broker that is away', () => {
  it('stops nothing but itself: polls, reports and rollouts go on, and what was to be sent goes out later', async () => {
    const [device] = first(await fleet.enrolDevices(1))
    expect(await ready()).toEqual({ status: 'ready', broker: 'connected' })
    const { serverUrl, deviceUrl } = fleet.broker
    await fleet.broker.stop()
    await eventually(async () => (((await ready()) as { broker: string }).broker === 'away' ? true : null))
    const release = await fleet.release(6)
    const { id } = await fleet.rollout(release, [device], { stages: [{ percent: 100 }] })
    await fleet.call('POST', `/rollouts/${id}/start`)
    await fleet.until(id, (view) => view.totals.offered === 1)
    expect((await device.offered()).assignment).toBeDefined()
    fleet.app.get(OutboxService).wake()
    expect(await fleet.sql('SELECT topic FROM mqtt_outbox')).toEqual([
      { topic: deviceTopic(fleet.namespace, device.id, 'offer') },
    ])
    await fleet.confirm(device, release, id)
    await fleet.until(id, (view) => view.state === 'finished')
    const ports = { devicePort: Number(new URL(deviceUrl).port), serverPort: Number(new URL(serverUrl).port) }
    Object.assign(fleet, { broker: await EmbeddedBroker.start({ folder: fleet.brokerFolder, ...ports }) })
    // Accounts and the server's new password are read again; the message leaves.
    await eventually(async () => ((await fleet.sql('SELECT 1 FROM mqtt_outbox')).length === 0 ? true : null), 60_000)
    expect(await ready()).toEqual({ status: 'ready', broker: 'connected' })
  }, 120_000)
})
