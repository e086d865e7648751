import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { fromHex, toBase64Url, toHex } from '../../src/domain/bytes.js'
import { orderOf } from '../../src/domain/rollout/stage.js'
import { Refusal } from '../../src/domain/refusal.js'
import { parseAssignment } from '../../src/domain/trust/assignment.js'
import { parseRolloutPlan } from '../../src/domain/trust/rollout-plan.js'
import { parseSign1 } from '../../src/domain/cose/sign1.js'
import { deviceTopic } from '../../src/protocol/mqtt-topics.js'
import { OutboxService } from '../../src/server/mqtt/outbox.service.js'
import { RolloutEngine } from '../../src/server/rollout/rollout-engine.service.js'
import { first, firstTwo, problemIn, type FleetDevice } from '../support/fleet-device.js'
import { bytesIn, eventually, FleetFixture, type TestRelease } from '../support/fleet-fixture.js'

let fleet: FleetFixture
let sequence = 10
let release: TestRelease
beforeAll(async () => {
  fleet = await FleetFixture.start()
}, 60_000)
afterAll(async () => {
  await fleet.stop()
}, 30_000)

/** Devices of their own and a newer release, so that no test sees another's. */
async function scene(count: number): Promise<readonly FleetDevice[]> {
  const { items } = await fleet.call<{ items: { id: string; state: string }[] }>('GET', '/rollouts')
  for (const { id, state } of items) if (state === 'running') await fleet.call('POST', `/rollouts/${id}/cancel`)
  sequence += 1
  release = await fleet.release(sequence)
  fleet.signers.refusal = null
  fleet.signers.assigned.clear()
  fleet.signers.assignmentLifeSeconds = 3_600
  return fleet.enrolDevices(count)
}
const start = async (devices: readonly FleetDevice[], change: object = {}): Promise<string> => {
  const { id } = await fleet.rollout(release, devices, change)
  await fleet.call('POST', `/rollouts/${id}/start`)
  return id
}
const offeredIn = (id: string, count: number) =>
  eventually(async () => {
    const devices = await fleet.in(id, 'offered')
    return devices.length === count ? devices : null
  })

describe('a rollout', () => {
  it('goes stage by stage, each behind the gate of the one before, until all are confirmed', async () => {
    const devices = await scene(20)
    const id = await start(devices)
    const reached: string[] = []
    for (const size of [3, 7, 10]) {
      const stage = await offeredIn(id, size)
      reached.push(...stage.map((device) => device.id))
      const [last, ...rest] = first(stage)
      const answer = await last.offered()
      const assignment = parseAssignment(
        parseSign1(answer.assignment ?? new Uint8Array(), 65_536).payload ?? new Uint8Array(),
      )
      expect(assignment).toMatchObject({ deviceId: last.id, rolloutId: id, sequence })
      expect(answer.payloadUrls).toEqual([`/device/v1/${fleet.namespace}/`])
      for (const device of rest) await fleet.confirm(device, release, id)
      // One is missing: the gate of 100 % does not hold, and nobody further is asked.
      const held = await fleet.show(id)
      expect(held.stages.filter((each) => each.state === 'open')).toHaveLength(1)
      expect(held.totals.offered).toBe(1)
      await fleet.confirm(last, release, id)
    }
    const done = await fleet.until(id, (view) => view.state === 'finished')
    expect(done.totals).toMatchObject({ confirmed: 20, queued: 0, offered: 0 })
    expect(done.stages.map((stage) => stage.size)).toEqual([3, 7, 10])
    // The database reaches devices in the order of the domain's hash.
    const order = orderOf(
      id,
      devices.map((device) => device.id),
    )
    expect(reached.slice(0, 3).toSorted()).toEqual(order.slice(0, 3).toSorted())
    expect(reached.slice(3, 10).toSorted()).toEqual(order.slice(3, 10).toSorted())
    // A device that runs it is offered nothing more.
    expect((await first(devices)[0].offered()).assignment).toBeUndefined()
  }, 30_000)

  it('pauses with the reason when failures pass the limit, and goes on after somebody resumed it', async () => {
    const devices = await scene(8)
    const id = await start(devices, { stages: [{ percent: 50 }, { percent: 100 }], gate: { confirmedPercent: 50 } })
    const [bad, ...good] = first(await offeredIn(id, 4))
    await bad.report({ state: 'failed', reason: 110, rolloutId: id })
    const paused = await fleet.until(id, (view) => view.state === 'paused')
    expect(paused).toMatchObject({ pauseReason: 'failure-limit', failuresByReason: { PAYLOAD_MISMATCH: 1 } })
    expect(paused.totals.offered).toBe(3)
    // Paused: who has not begun is offered nothing, even at a poll.
    expect((await first(good)[0].offered()).assignment).toBeUndefined()
    await fleet.call('POST', `/rollouts/${id}/resume`)
    expect((await first(good)[0].offered()).assignment).toBeDefined()
    for (const device of good) await fleet.confirm(device, release, id)
    for (const device of await offeredIn(id, 4)) await fleet.confirm(device, release, id)
    expect((await fleet.until(id, (view) => view.state === 'finished')).totals).toMatchObject({
      confirmed: 7,
      failed: 1,
    })
  }, 30_000)

  it('pauses when its gate can no longer hold, and is not resumed over it', async () => {
    const devices = await scene(2)
    const id = await start(devices, { stages: [{ percent: 100 }], failureLimit: { count: 5 } })
    const [one] = first(await offeredIn(id, 2))
    await one.report({ state: 'refused', reason: 69, rolloutId: id })
    expect(await fleet.until(id, (view) => view.state === 'paused')).toMatchObject({
      pauseReason: 'gate-missed',
      failuresByReason: { KEY_REVOKED: 1 },
    })
    expect(problemIn(await fleet.raw('POST', `/rollouts/${id}/resume`))).toEqual({
      status: 409,
      code: 'CONFLICT',
      detail: { what: 'rollout', why: 'the gate of stage 0 can no longer hold' },
    })
  }, 30_000)

  it('counts a device that says done and runs the old image as reverted, and a word without a boot as nothing', async () => {
    const devices = await scene(2)
    const id = await start(devices, {
      stages: [{ percent: 100 }],
      failureLimit: { count: 5 },
      gate: { confirmedPercent: 50 },
    })
    const [liar, slow] = firstTwo(await offeredIn(id, 2))
    await liar.report({ state: 'confirmed', rolloutId: id })
    await slow.report({ state: 'rebooting', rolloutId: id, runningManifestSha256: release.manifestSha256 })
    expect((await fleet.show(id)).totals).toMatchObject({ reverted: 1, rebooting: 1, confirmed: 0 })
    // What is over stays over.
    await fleet.confirm(liar, release, id)
    expect((await fleet.show(id)).totals).toMatchObject({ reverted: 1, confirmed: 0 })
  }, 30_000)

  it('takes a word about another rollout for nothing', async () => {
    const devices = await scene(1)
    const id = await start(devices, { stages: [{ percent: 100 }] })
    const [device] = first(await offeredIn(id, 1))
    await device.report({ state: 'failed', rolloutId: 'another' })
    await device.report({ state: 'failed' })
    expect((await fleet.show(id)).totals).toMatchObject({ offered: 1, failed: 0 })
  }, 30_000)

  it('times out a device that was offered something and says nothing about it', async () => {
    const devices = await scene(1)
    const id = await start(devices, { stages: [{ percent: 100 }], silenceSeconds: 60 })
    await offeredIn(id, 1)
    await fleet.sql('UPDATE deployment SET alive_at = alive_at - 61 WHERE rollout_id = $1', [id])
    const paused = await fleet.until(id, (view) => view.state === 'paused')
    expect(paused).toMatchObject({ pauseReason: 'failure-limit', failuresByReason: { timedOut: 1 } })
  }, 30_000)

  it('cancelled takes its offers back and leaves what is done', async () => {
    const devices = await scene(3)
    const id = await start(devices, { stages: [{ percent: 100 }] })
    const [one, two] = firstTwo(await offeredIn(id, 3))
    await fleet.confirm(one, release, id)
    await fleet.call('POST', `/rollouts/${id}/cancel`)
    expect(await fleet.show(id)).toMatchObject({
      state: 'cancelled',
      totals: { confirmed: 1, cancelled: 2, offered: 0 },
    })
    expect((await two.offered()).assignment).toBeUndefined()
    expect(problemIn(await fleet.raw('POST', `/rollouts/${id}/resume`))).toEqual({
      status: 409,
      code: 'STATE',
      detail: { what: 'rollout', state: 'cancelled', wanted: 'paused' },
    })
  }, 30_000)

  it('supersedes an older one that a device has not begun, and never holds a device twice', async () => {
    const devices = await scene(2)
    const old = await start(devices, { stages: [{ percent: 100 }] })
    const [begun, idle] = firstTwo(await offeredIn(old, 2))
    await begun.report({ state: 'downloading', rolloutId: old })
    sequence += 1
    release = await fleet.release(sequence)
    const young = await start(devices, { stages: [{ percent: 100 }] })
    expect((await offeredIn(young, 1))[0]?.id).toBe(idle.id)
    expect((await fleet.show(old)).totals).toMatchObject({ superseded: 1, downloading: 1 })
    // The other one joins when it is free, before the rollout ends.
    await begun.report({ state: 'failed', rolloutId: old })
    await fleet.confirm(idle, release, young)
    expect((await offeredIn(young, 1))[0]?.id).toBe(begun.id)
  }, 30_000)
})

describe('what people sign', () => {
  it('is the plan as it was sent, approved by those who may', async () => {
    const devices = await scene(1)
    const { id, plan, planSha256, approvals } = await fleet.rollout(release, devices)
    expect(parseRolloutPlan(bytesIn(plan))).toMatchObject({
      rolloutId: id,
      namespace: fleet.namespace,
      devicesTotal: 10_000,
    })
    expect(approvals).toMatchObject([{ person: 'fleet-1', role: 'fleet-manager' }])
    const again = await fleet.trust.approval('fleet-1', {
      operation: 'rollout',
      subjectSha256: fromHex(planSha256),
      requestId: id,
    })
    expect(problemIn(await fleet.raw('POST', `/rollouts/${id}/approvals`, { approval: toBase64Url(again) }))).toEqual({
      status: 409,
      code: 'CONFLICT',
      detail: { what: 'approval', why: 'fleet-1 approved already' },
    })
    const other = await fleet.trust.approval('fleet-2', {
      operation: 'rollout',
      subjectSha256: new Uint8Array(32),
      requestId: id,
    })
    expect(
      problemIn(await fleet.raw('POST', `/rollouts/${id}/approvals`, { approval: toBase64Url(other) })),
    ).toMatchObject({
      code: 'APPROVAL_MISMATCH',
      detail: { field: 'subject' },
    })
  })

  it('is needed before the start', async () => {
    const devices = await scene(1)
    const body = {
      releaseId: release.id,
      stages: [{ percent: 100 }],
      gate: { confirmedPercent: 100 },
      failureLimit: { count: 0 },
    }
    const { id } = await fleet.call<{ id: string }>('POST', '/rollouts', {
      ...{ ...body, devicesPerHour: 1, devicesTotal: 1 },
      filter: { deviceIds: devices.map((device) => device.id) },
    })
    expect(problemIn(await fleet.raw('POST', `/rollouts/${id}/start`))).toEqual({
      status: 409,
      code: 'QUORUM_NOT_MET',
      detail: { operation: 'rollout' },
    })
  })

  it.each([
    ['stages that shrink', { stages: [{ percent: 50 }, { percent: 10 }] }, 'stages.1'],
    ['no failure limit', { failureLimit: {} }, 'failureLimit'],
    ['an end in the past', { expires: 5 }, 'expires'],
    ['a gate of nothing', { gate: { confirmedPercent: 0 } }, 'gate.confirmedPercent'],
    ['another device class', { filter: { className: 'gateway-r9' } }, null],
    ['a member nobody knows', { surprise: 1 }, 'surprise'],
  ])('%s is refused', async (_, change, field) => {
    const devices = await scene(1)
    await expect(fleet.rollout(release, devices, change)).rejects.toThrow(
      field === null ? /NOT_FOUND/ : new RegExp(`REQUEST_INVALID.*"field":"${field.replace('.', '\\.')}"`),
    )
  })
})

describe('the online signer', () => {
  it('sets the pace: its PACE_EXCEEDED waits, and fails nobody', async () => {
    const devices = await scene(5)
    const id = await start(devices, { stages: [{ percent: 100 }], devicesTotal: 2 })
    await offeredIn(id, 2)
    const waiting = await fleet.until(id, (view) => view.waitingFor !== null)
    expect(waiting).toMatchObject({
      state: 'running',
      waitingFor: 'PACE_EXCEEDED',
      totals: { queued: 3, offered: 2, failed: 0 },
    })
  }, 30_000)

  it('that is away holds nothing up for good', async () => {
    const devices = await scene(2)
    fleet.signers.refusal = new Refusal('SIGNER_UNAVAILABLE', { why: 'ECONNREFUSED' })
    const id = await start(devices, { stages: [{ percent: 100 }] })
    await fleet.until(id, (view) => view.waitingFor === 'SIGNER_UNAVAILABLE')
    fleet.signers.refusal = null
    await offeredIn(id, 2)
  }, 30_000)

  it('that refuses for another reason pauses the rollout with it', async () => {
    const devices = await scene(2)
    fleet.signers.refusal = new Refusal('SIGNER_REFUSED', { code: 'APPROVAL_EXPIRED', check: 12 })
    const id = await start(devices, { stages: [{ percent: 100 }] })
    expect(await fleet.until(id, (view) => view.state === 'paused')).toMatchObject({
      pauseReason: 'signer-refused',
      pauseCode: 'APPROVAL_EXPIRED',
      totals: { queued: 2, offered: 0 },
    })
  }, 30_000)

  it('renews an assignment before it ends', async () => {
    const devices = await scene(1)
    fleet.signers.assignmentLifeSeconds = 4
    const id = await start(devices, { stages: [{ percent: 100 }] })
    const [device] = first(await offeredIn(id, 1))
    const before = (await device.offered()).assignment
    await eventually(async () => {
      const { assignment } = await device.offered()
      return assignment !== undefined && toHex(assignment) !== toHex(before ?? new Uint8Array()) ? assignment : null
    })
    expect((await fleet.show(id)).totals).toMatchObject({ offered: 1 })
  }, 30_000)

  it('whose answer a device would refuse is not passed on', async () => {
    const devices = await scene(1)
    fleet.signers.sequences.set(toHex(release.manifestSha256), sequence + 1)
    const id = await start(devices, { stages: [{ percent: 100 }] })
    expect(await fleet.until(id, (view) => view.state === 'paused')).toMatchObject({
      pauseReason: 'signer-refused',
      pauseCode: 'ASSIGNMENT_SEQUENCE',
      totals: { offered: 0 },
    })
  }, 30_000)
})

describe('a crash', () => {
  it('between the signature and the write offers the same device again, and nobody twice', async () => {
    const devices = await scene(6)
    const outbox = fleet.app.get(OutboxService)
    const enqueue = outbox.enqueue.bind(outbox)
    const seen: string[] = []
    for (const device of devices)
      await fleet.listen(device, deviceTopic(fleet.namespace, device.id, 'offer'), (topic) => void seen.push(topic))
    // The first write is lost whole: state, assignment and message.
    outbox.enqueue = async (manager, messages) => {
      await enqueue(manager, messages)
      outbox.enqueue = enqueue
      throw new Error('the process was killed here')
    }
    const id = await start(devices, { stages: [{ percent: 100 }] })
    await offeredIn(id, 6)
    await eventually(() => (seen.length >= 6 ? true : null))
    expect(new Set(seen).size).toBe(6)
    expect(seen).toHaveLength(6)
    expect(fleet.signers.assigned.size).toBe(6)
    expect(fleet.signers.calls).toBeGreaterThanOrEqual(12)
  }, 30_000)
})

describe('two servers', () => {
  it('offer nothing twice, whoever is elected', async () => {
    const second = await fleet.startServer('server-2')
    const devices = await scene(40)
    const before = fleet.signers.calls
    const id = await start(devices, { stages: [{ percent: 100 }] })
    const engines = [fleet.server, second].map((server) => server.app.get(RolloutEngine))
    // Beside their own timers both are pushed as fast as they go.
    const push = async (engine: RolloutEngine) => {
      for (let round = 0; round < 20; round += 1) await engine.tick()
    }
    await Promise.all(engines.map(push))
    await offeredIn(id, 40)
    // One call of the signer for each: nobody was asked for twice.
    expect(fleet.signers.calls - before).toBe(40)
  }, 30_000)

  it('when both believe to be elected, store one offer for each device', async () => {
    const servers = firstTwo(fleet.servers)
    const devices = await scene(30)
    const before = fleet.signers.calls
    const seen = new Map<string, number>()
    const count = (topic: string) => seen.set(topic, (seen.get(topic) ?? 0) + 1)
    await Promise.all(
      devices.map((device) => fleet.listen(device, deviceTopic(fleet.namespace, device.id, 'offer'), count)),
    )
    for (const server of servers)
      Object.defineProperty(server.app.get(RolloutEngine), 'election', {
        value: { isElected: () => Promise.resolve(true), resign: () => Promise.resolve() },
      })
    const id = await start(devices, { stages: [{ percent: 100 }] })
    await Promise.all(servers.map((server) => server.app.get(RolloutEngine).tick()))
    await offeredIn(id, 30)
    await eventually(() => (seen.size === 30 ? true : null))
    expect([...seen.values()].every((offers) => offers === 1)).toBe(true)
    expect(fleet.signers.calls - before).toBeGreaterThanOrEqual(30)
  }, 30_000)
})

describe('revocation (I-2)', () => {
  it('of the manifest key pauses the rollout and takes its offers from the polls', async () => {
    const devices = await scene(4)
    const id = await start(devices, { stages: [{ devices: 2 }, { percent: 100 }] })
    const [device] = first(await offeredIn(id, 2))
    expect((await device.offered()).envelope).toBeDefined()
    const keyId = fleet.trust.roleKey('manifest-a').keyIdHex
    await fleet.publishKrl({ number: 2, keys: [{ keyId, reason: 1, time: 1 }] })
    expect(await fleet.until(id, (view) => view.state === 'paused')).toMatchObject({
      pauseReason: 'release-refused',
      pauseCode: 'KEY_REVOKED',
    })
    const answer = await device.offered()
    expect({ krl: answer.krl, envelope: answer.envelope, assignment: answer.assignment }).toEqual({
      krl: fleet.signers.krl?.bytes,
      envelope: undefined,
      assignment: undefined,
    })
  }, 30_000)
})
