import { describe, expect, it } from '@jest/globals'
import { fromHex, toBase64Url } from '../../src/domain/bytes.js'
import { orderOf } from '../../src/domain/rollout/stage.js'
import { parseAssignment } from '../../src/domain/trust/assignment.js'
import { parseRolloutPlan } from '../../src/domain/trust/rollout-plan.js'
import { parseSign1 } from '../../src/domain/cose/sign1.js'
import { first, firstTwo, problemIn } from '../support/fleet-device.js'
import { bytesIn } from '../support/fleet-fixture.js'
import { RolloutScene } from '../support/rollout-scene.js'

const scene = new RolloutScene()

describe('a rollout', () => {
  it('goes stage by stage, each behind the gate of the one before, until all are confirmed', async () => {
    const devices = await scene.set(20)
    const id = await scene.start(devices)
    const reached: string[] = []
    for (const size of [3, 7, 10]) {
      const stage = await scene.offered(id, size)
      reached.push(...stage.map((device) => device.id))
      const [last, ...rest] = first(stage)
      const answer = await last.offered()
      const assignment = parseAssignment(
        parseSign1(answer.assignment ?? new Uint8Array(), 65_536).payload ?? new Uint8Array(),
      )
      expect(assignment).toMatchObject({ deviceId: last.id, rolloutId: id, sequence: scene.sequence })
      expect(answer.payloadUrls).toEqual([`/device/v1/${scene.fleet.namespace}/`])
      for (const device of rest) await scene.fleet.confirm(device, scene.release, id)
      // One is missing: the gate of 100 % does not hold, and nobody further is asked.
      const held = await scene.fleet.show(id)
      expect(held.stages.filter((each) => each.state === 'open')).toHaveLength(1)
      expect(held.totals.offered).toBe(1)
      await scene.fleet.confirm(last, scene.release, id)
    }
    const done = await scene.fleet.until(id, (view) => view.state === 'finished')
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
  }, 120_000)

  it('pauses with the reason when failures pass the limit, and goes on after somebody resumed it', async () => {
    const devices = await scene.set(8)
    const id = await scene.start(devices, {
      stages: [{ percent: 50 }, { percent: 100 }],
      gate: { confirmedPercent: 50 },
    })
    const [bad, ...good] = first(await scene.offered(id, 4))
    await bad.report({ state: 'failed', reason: 110, rolloutId: id })
    const paused = await scene.fleet.until(id, (view) => view.state === 'paused')
    expect(paused).toMatchObject({ pauseReason: 'failure-limit', failuresByReason: { PAYLOAD_MISMATCH: 1 } })
    expect(paused.totals.offered).toBe(3)
    // Paused: who has not begun is offered nothing, even at a poll.
    expect((await first(good)[0].offered()).assignment).toBeUndefined()
    await scene.fleet.call('POST', `/rollouts/${id}/resume`)
    expect((await first(good)[0].offered()).assignment).toBeDefined()
    for (const device of good) await scene.fleet.confirm(device, scene.release, id)
    for (const device of await scene.offered(id, 4)) await scene.fleet.confirm(device, scene.release, id)
    expect((await scene.fleet.until(id, (view) => view.state === 'finished')).totals).toMatchObject({
      confirmed: 7,
      failed: 1,
    })
  }, 120_000)

  it('pauses when its gate can no longer hold, and is not resumed over it', async () => {
    const devices = await scene.set(2)
    const id = await scene.start(devices, { stages: [{ percent: 100 }], failureLimit: { count: 5 } })
    const [one] = first(await scene.offered(id, 2))
    await one.report({ state: 'refused', reason: 69, rolloutId: id })
    expect(await scene.fleet.until(id, (view) => view.state === 'paused')).toMatchObject({
      pauseReason: 'gate-missed',
      failuresByReason: { KEY_REVOKED: 1 },
    })
    expect(problemIn(await scene.fleet.raw('POST', `/rollouts/${id}/resume`))).toEqual({
      status: 409,
      code: 'CONFLICT',
      detail: {
        what: 'rollout',
        why: 'the gate of the open stage can no longer hold; roll it back, or cancel it and make another',
      },
    })
  }, 120_000)

  it('counts a device that says done and runs the old image as reverted, and a word without a boot as nothing', async () => {
    const devices = await scene.set(2)
    const id = await scene.start(devices, {
      stages: [{ percent: 100 }],
      failureLimit: { count: 5 },
      gate: { confirmedPercent: 50 },
    })
    const [liar, slow] = firstTwo(await scene.offered(id, 2))
    await liar.report({ state: 'confirmed', rolloutId: id })
    await slow.report({ state: 'rebooting', rolloutId: id, runningManifestSha256: scene.release.manifestSha256 })
    expect((await scene.fleet.show(id)).totals).toMatchObject({ reverted: 1, rebooting: 1, confirmed: 0 })
    // What is over stays over.
    await scene.fleet.confirm(liar, scene.release, id)
    expect((await scene.fleet.show(id)).totals).toMatchObject({ reverted: 1, confirmed: 0 })
  }, 120_000)

  it('takes a word about another rollout for nothing', async () => {
    const devices = await scene.set(1)
    const id = await scene.start(devices, { stages: [{ percent: 100 }] })
    const [device] = first(await scene.offered(id, 1))
    await device.report({ state: 'failed', rolloutId: 'another' })
    await device.report({ state: 'failed' })
    expect((await scene.fleet.show(id)).totals).toMatchObject({ offered: 1, failed: 0 })
  }, 120_000)

  it('times out a device that was offered something and says nothing about it', async () => {
    const devices = await scene.set(1)
    const id = await scene.start(devices, { stages: [{ percent: 100 }], silenceSeconds: 60 })
    await scene.offered(id, 1)
    await scene.fleet.sql('UPDATE deployment SET alive_at = alive_at - 61 WHERE rollout_id = $1', [id])
    const paused = await scene.fleet.until(id, (view) => view.state === 'paused')
    expect(paused).toMatchObject({ pauseReason: 'failure-limit', failuresByReason: { timedOut: 1 } })
  }, 120_000)

  it('cancelled takes its offers back and leaves what is done', async () => {
    const devices = await scene.set(3)
    const id = await scene.start(devices, { stages: [{ percent: 100 }] })
    const [one, two] = firstTwo(await scene.offered(id, 3))
    await scene.fleet.confirm(one, scene.release, id)
    await scene.fleet.call('POST', `/rollouts/${id}/cancel`)
    expect(await scene.fleet.show(id)).toMatchObject({
      state: 'cancelled',
      totals: { confirmed: 1, cancelled: 2, offered: 0 },
    })
    expect((await two.offered()).assignment).toBeUndefined()
    expect(problemIn(await scene.fleet.raw('POST', `/rollouts/${id}/resume`))).toEqual({
      status: 409,
      code: 'STATE',
      detail: { what: 'rollout', state: 'cancelled', wanted: 'paused' },
    })
  }, 120_000)

  it('supersedes an older one that a device has not begun, and never holds a device twice', async () => {
    const devices = await scene.set(2)
    const old = await scene.start(devices, { stages: [{ percent: 100 }] })
    const [begun, idle] = firstTwo(await scene.offered(old, 2))
    await begun.report({ state: 'downloading', rolloutId: old })
    await scene.newRelease()
    const young = await scene.start(devices, { stages: [{ percent: 100 }] })
    expect((await scene.offered(young, 1))[0]?.id).toBe(idle.id)
    expect((await scene.fleet.show(old)).totals).toMatchObject({ superseded: 1, downloading: 1 })
    // The other one joins when it is free, before the rollout ends.
    await begun.report({ state: 'failed', rolloutId: old })
    await scene.fleet.confirm(idle, scene.release, young)
    expect((await scene.offered(young, 1))[0]?.id).toBe(begun.id)
  }, 120_000)
})

describe('what people sign', () => {
  it('is the plan as it was sent, approved by those who may', async () => {
    const devices = await scene.set(1)
    const { id, plan, planSha256, approvals } = await scene.fleet.rollout(scene.release, devices)
    expect(parseRolloutPlan(bytesIn(plan))).toMatchObject({
      rolloutId: id,
      namespace: scene.fleet.namespace,
      devicesTotal: 10_000,
    })
    expect(approvals).toMatchObject([{ person: 'fleet-1', role: 'fleet-manager' }])
    const again = await scene.fleet.trust.approval('fleet-1', {
      operation: 'rollout',
      subjectSha256: fromHex(planSha256),
      requestId: id,
    })
    expect(
      problemIn(await scene.fleet.raw('POST', `/rollouts/${id}/approvals`, { approval: toBase64Url(again) })),
    ).toEqual({
      status: 409,
      code: 'CONFLICT',
      detail: { what: 'approval', why: 'fleet-1 approved already' },
    })
    const other = await scene.fleet.trust.approval('fleet-2', {
      operation: 'rollout',
      subjectSha256: new Uint8Array(32),
      requestId: id,
    })
    expect(
      problemIn(await scene.fleet.raw('POST', `/rollouts/${id}/approvals`, { approval: toBase64Url(other) })),
    ).toMatchObject({
      code: 'APPROVAL_MISMATCH',
      detail: { field: 'subject' },
    })
  })

  it('is needed before the start', async () => {
    const devices = await scene.set(1)
    const body = {
      releaseId: scene.release.id,
      stages: [{ percent: 100 }],
      gate: { confirmedPercent: 100 },
      failureLimit: { count: 0 },
    }
    const { id } = await scene.fleet.call<{ id: string }>('POST', '/rollouts', {
      ...body,
      devicesPerHour: 1,
      devicesTotal: 1,
      filter: { deviceIds: devices.map((device) => device.id) },
    })
    expect(problemIn(await scene.fleet.raw('POST', `/rollouts/${id}/start`))).toEqual({
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
    const devices = await scene.set(1)
    await expect(scene.fleet.rollout(scene.release, devices, change)).rejects.toThrow(
      field === null ? /NOT_FOUND/ : new RegExp(`REQUEST_INVALID.*"field":"${field.replace('.', '\\.')}"`),
    )
  })
})
