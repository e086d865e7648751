import { describe, expect, it } from '@jest/globals'
import { toHex } from '../../src/domain/bytes.js'
import { Refusal } from '../../src/domain/refusal.js'
import { deviceTopic } from '../../src/protocol/mqtt-topics.js'
import { OutboxService } from '../../src/server/mqtt/outbox.service.js'
import { RolloutEngine } from '../../src/server/rollout/rollout-engine.service.js'
import { first, firstTwo } from '../support/fleet-device.js'
import { eventually } from '../support/fleet-fixture.js'
import { RolloutScene } from '../support/rollout-scene.js'

const scene = new RolloutScene()

describe('the online signer', () => {
  it('sets the pace: its PACE_EXCEEDED waits, and fails nobody', async () => {
    const devices = await scene.set(2)
    scene.fleet.signers.refusal = new Refusal('SIGNER_REFUSED', { code: 'PACE_EXCEEDED', check: 24 })
    const id = await scene.start(devices, { stages: [{ percent: 100 }] })
    const waiting = await scene.fleet.until(id, (view) => view.waitingFor === 'PACE_EXCEEDED')
    expect(waiting).toMatchObject({ state: 'running', totals: { queued: 2, offered: 0, failed: 0 } })
  }, 120_000)

  it('is not asked for more than people signed', async () => {
    const devices = await scene.set(5)
    const before = scene.fleet.signers.calls
    const id = await scene.start(devices, { stages: [{ percent: 100 }], devicesPerHour: 2 })
    await scene.offered(id, 2)
    const waiting = await scene.fleet.until(id, (view) => view.waitingFor !== null)
    expect(waiting).toMatchObject({
      state: 'running',
      waitingFor: 'PACE_EXCEEDED',
      totals: { queued: 3, offered: 2, failed: 0 },
    })
    expect(scene.fleet.signers.calls - before).toBe(2)
  }, 120_000)

  it('that is away holds nothing up for good', async () => {
    const devices = await scene.set(2)
    scene.fleet.signers.refusal = new Refusal('SIGNER_UNAVAILABLE', { why: 'ECONNREFUSED' })
    const id = await scene.start(devices, { stages: [{ percent: 100 }] })
    await scene.fleet.until(id, (view) => view.waitingFor === 'SIGNER_UNAVAILABLE')
    scene.fleet.signers.refusal = null
    await scene.offered(id, 2)
  }, 120_000)

  it('that refuses for another reason pauses the rollout with it', async () => {
    const devices = await scene.set(2)
    scene.fleet.signers.refusal = new Refusal('SIGNER_REFUSED', { code: 'APPROVAL_EXPIRED', check: 12 })
    const id = await scene.start(devices, { stages: [{ percent: 100 }] })
    expect(await scene.fleet.until(id, (view) => view.state === 'paused')).toMatchObject({
      pauseReason: 'signer-refused',
      pauseCode: 'APPROVAL_EXPIRED',
      totals: { queued: 2, offered: 0 },
    })
  }, 120_000)

  it('renews an assignment before it ends', async () => {
    const devices = await scene.set(1)
    scene.fleet.signers.assignmentLifeSeconds = 4
    const id = await scene.start(devices, { stages: [{ percent: 100 }] })
    const [device] = first(await scene.offered(id, 1))
    const before = (await device.offered()).assignment
    await eventually(async () => {
      const { assignment } = await device.offered()
      return assignment !== undefined && toHex(assignment) !== toHex(before ?? new Uint8Array()) ? assignment : null
    })
    expect((await scene.fleet.show(id)).totals).toMatchObject({ offered: 1 })
  }, 120_000)

  it('whose answer a device would refuse is not passed on', async () => {
    const devices = await scene.set(1)
    scene.fleet.signers.sequences.set(toHex(scene.release.manifestSha256), scene.sequence + 1)
    const id = await scene.start(devices, { stages: [{ percent: 100 }] })
    expect(await scene.fleet.until(id, (view) => view.state === 'paused')).toMatchObject({
      pauseReason: 'signer-refused',
      pauseCode: 'ASSIGNMENT_SEQUENCE',
      totals: { offered: 0 },
    })
  }, 120_000)
})

describe('a crash', () => {
  it('between the signature and the write offers the same device again, and nobody twice', async () => {
    const devices = await scene.set(6)
    const outbox = scene.fleet.app.get(OutboxService)
    const enqueue = outbox.enqueue.bind(outbox)
    const seen: string[] = []
    for (const device of devices)
      await scene.fleet.listen(
        device,
        deviceTopic(scene.fleet.namespace, device.id, 'offer'),
        (topic) => void seen.push(topic),
      )
    // The first write is lost whole: state, assignment and message.
    outbox.enqueue = async (manager, messages) => {
      await enqueue(manager, messages)
      outbox.enqueue = enqueue
      throw new Error('the process was killed here')
    }
    const id = await scene.start(devices, { stages: [{ percent: 100 }] })
    await scene.offered(id, 6)
    await eventually(() => (seen.length >= 6 ? true : null))
    expect(new Set(seen).size).toBe(6)
    expect(seen).toHaveLength(6)
    expect(scene.fleet.signers.assigned.size).toBe(6)
    expect(scene.fleet.signers.calls).toBeGreaterThanOrEqual(12)
  }, 120_000)
})

describe('two servers', () => {
  it('offer nothing twice, whoever is elected', async () => {
    const second = await scene.fleet.startServer('server-2')
    const devices = await scene.set(40)
    const before = scene.fleet.signers.calls
    const id = await scene.start(devices, { stages: [{ percent: 100 }] })
    const engines = [scene.fleet.server, second].map((server) => server.app.get(RolloutEngine))
    // Beside their own timers both are pushed as fast as they go.
    const push = async (engine: RolloutEngine) => {
      for (let round = 0; round < 20; round += 1) await engine.tick()
    }
    await Promise.all(engines.map(push))
    await scene.offered(id, 40)
    // One call of the signer for each: nobody was asked for twice.
    expect(scene.fleet.signers.calls - before).toBe(40)
  }, 120_000)

  it('when both believe to be elected, store one offer for each device', async () => {
    const servers = firstTwo(scene.fleet.servers)
    const devices = await scene.set(30)
    const before = scene.fleet.signers.calls
    const seen = new Map<string, number>()
    const count = (topic: string) => seen.set(topic, (seen.get(topic) ?? 0) + 1)
    await Promise.all(
      devices.map((device) =>
        scene.fleet.listen(device, deviceTopic(scene.fleet.namespace, device.id, 'offer'), count),
      ),
    )
    for (const server of servers)
      Object.defineProperty(server.app.get(RolloutEngine), 'election', {
        value: { isElected: () => Promise.resolve(true), resign: () => Promise.resolve() },
      })
    const id = await scene.start(devices, { stages: [{ percent: 100 }] })
    await Promise.all(servers.map((server) => server.app.get(RolloutEngine).tick()))
    await scene.offered(id, 30)
    await eventually(() => (seen.size === 30 ? true : null))
    expect([...seen.values()].every((offers) => offers === 1)).toBe(true)
    expect(scene.fleet.signers.calls - before).toBeGreaterThanOrEqual(30)
  }, 120_000)
})

describe('revocation (I-2)', () => {
  it('of the manifest key pauses the rollout and takes its offers from the polls', async () => {
    const devices = await scene.set(4)
    const id = await scene.start(devices, { stages: [{ devices: 2 }, { percent: 100 }] })
    const [device] = first(await scene.offered(id, 2))
    // It has begun, so a pause alone would still serve it.
    await device.report({ state: 'downloading', rolloutId: id })
    expect((await device.offered()).envelope).toBeDefined()
    const keyId = scene.fleet.trust.roleKey('manifest-a').keyIdHex
    await scene.fleet.publishKrl({ number: 2, keys: [{ keyId, reason: 1, time: 1 }] })
    expect(await scene.fleet.until(id, (view) => view.state === 'paused')).toMatchObject({
      pauseReason: 'release-refused',
      pauseCode: 'KEY_REVOKED',
    })
    const answer = await device.offered()
    expect({ krl: answer.krl, envelope: answer.envelope, assignment: answer.assignment }).toEqual({
      krl: scene.fleet.signers.krl?.bytes,
      envelope: undefined,
      assignment: undefined,
    })
  }, 120_000)
})
