import { afterEach, beforeEach, describe, expect, it } from '@jest/globals'
import { randomBytes } from 'node:crypto'
import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { sha256, toHex } from '../domain/bytes.js'
import { JournalScanner } from '../domain/journal/journal-scanner.js'
import type { RefusalCode } from '../domain/refusal.js'
import type { Approval } from '../domain/trust/approval.js'
import {
  encodeClockResetOrder,
  encodeResumeOrder,
  type ClockResetOrder,
  type ResumeOrder,
} from '../domain/trust/signer-order.js'
import type { SignerClient } from '../server/signing/signer-client.js'
import { eventually } from '../../test/support/eventually.js'
import { refusedBySigner } from '../../test/support/refused-by-signer.js'
import { deviceIdOf, imageOf, piecesOf, SignerFixture } from '../../test/support/signer-fixture.js'
import { CLASS_ID } from '../../test/support/trust-fixture.js'

let fixture: SignerFixture
let release: SignerClient
beforeEach(async () => {
  fixture = await SignerFixture.make()
  release = await fixture.start('release')
  await fixture.signFirstKrl(release)
})
afterEach(() => fixture.dispose(), 20_000)

const folderOf = (name: string): string => join(fixture.folder, name)

async function restart(between: () => void = () => undefined): Promise<void> {
  await fixture.stop('release')
  between()
  release = await fixture.start('release')
}

/** Copies the state, lets `meanwhile` happen, and puts the copy back. */
async function restore(meanwhile: () => Promise<unknown>): Promise<void> {
  await fixture.stop('release')
  cpSync(folderOf('release'), folderOf('backup'), { recursive: true })
  release = await fixture.start('release')
  await meanwhile()
  await restart(putBack)
}

function putBack(): void {
  rmSync(folderOf('release'), { recursive: true })
  cpSync(folderOf('backup'), folderOf('release'), { recursive: true })
}

type Approved = { requestId: string; approvals: readonly Uint8Array[]; order: Uint8Array }

async function approve(
  operation: 'resume-signer' | 'clock-reset',
  order: Uint8Array,
  approvers: readonly string[],
  approval: Partial<Approval> = {},
): Promise<Approved> {
  const requestId = `order-${randomBytes(4).toString('hex')}`
  const fields = { operation, subjectSha256: sha256(order), requestId, ...approval }
  const approvals = await Promise.all(approvers.map((person) => fixture.trust.approval(person, fields)))
  return { requestId, approvals, order }
}

async function resume(change: Partial<ResumeOrder> = {}, approvers = ['security-1', 'security-2']): Promise<Approved> {
  const { suspensionId } = await release.request('status', {})
  const order: ResumeOrder = {
    namespace: fixture.trust.namespace,
    process: 'release',
    suspensionId,
    sequences: new Map([[toHex(CLASS_ID), 7]]),
    leastKrlNumber: 1,
    ...change,
  }
  return approve('resume-signer', encodeResumeOrder(order), approvers)
}

/** A release that managers approve from `since` on. */
async function sign(sequence: number, since = fixture.clock.seconds): Promise<unknown> {
  const image = imageOf(sequence)
  await release.hashImage(piecesOf(image), image.length)
  return release.request('sign', await fixture.signRequest(sequence, { approval: { notBefore: since } }))
}

const suspended = refusedBySigner('SIGNER_SUSPENDED', 25)

describe('a signer on restored state', () => {
  it('is suspended when an older copy of its own state was put back', async () => {
    await restore(() => sign(1))
    expect(await release.request('status', {})).toMatchObject({ suspended: true })
    await expect(sign(1)).rejects.toEqual(suspended)
    await expect(release.request('krl', await fixture.krlRequest(fixture.trust.krl({ number: 2 })))).rejects.toEqual(
      suspended,
    )
  })

  it('is suspended when a copy from while it ran was put back, also after a crash', async () => {
    await sign(1)
    cpSync(folderOf('release'), folderOf('backup'), { recursive: true, filter: (path) => !/\/lock\.\d+$/.test(path) })
    const copied = new Uint8Array(readFileSync(join(folderOf('backup'), 'journal')))
    const records = new JournalScanner(fixture.trust.namespace).take(copied).length
    await sign(2)
    const marked = (): string => readFileSync(folderOf('release.mark'), 'utf8')
    await eventually(() => expect(Number(marked().split(' ')[0])).toBeGreaterThan(records))
    // Of a process that is killed now nothing more would be written.
    const atCrash = marked()
    await restart(() => {
      putBack()
      writeFileSync(folderOf('release.mark'), atCrash)
    })
    expect(await release.request('status', {})).toMatchObject({ suspended: true })
  }, 60_000)

  it('is suspended when its state was carried to another host', async () => {
    await restart(() => writeFileSync(folderOf('release.host'), 'another host\n'))
    await expect(sign(1)).rejects.toEqual(suspended)
  })

  it.each(['host', 'mark'])('is suspended when the %s beside its state is gone', async (beside) => {
    await restart(() => rmSync(folderOf(`release.${beside}`)))
    await expect(sign(1)).rejects.toEqual(suspended)
  })

  it('is suspended when its state was emptied', async () => {
    await restart(() => rmSync(folderOf('release'), { recursive: true }))
    expect(await release.request('status', {})).toMatchObject({ suspended: true, krlNumber: 0 })
  })

  it('is not suspended after a restart, a restart of the machine, or beside a host file of its own', async () => {
    await restart()
    fixture.uptime.bootId = 'boot-2'
    await restart()
    expect(await release.request('status', {})).toMatchObject({ suspended: false })
    await sign(1)
  })

  it('goes by a host file that is named, and refuses to start when that says nothing', async () => {
    await fixture.stop('release')
    const file = folderOf('machine-id')
    writeFileSync(file, '')
    await expect(fixture.start('release', { SIGNER_HOST_ID_FILE: file })).rejects.toEqual(
      expect.objectContaining({
        code: 'CONFIGURATION',
        detail: { name: 'SIGNER_HOST_ID_FILE', why: `${file} says nothing` },
      }),
    )
    writeFileSync(file, 'a host')
    release = await fixture.start('release', { SIGNER_HOST_ID_FILE: file })
    expect(await release.request('status', {})).toMatchObject({ suspended: true })
  })

  it('stays suspended over the next start', async () => {
    await restore(() => sign(1))
    const { suspensionId } = await release.request('status', {})
    await restart()
    expect(await release.request('status', {})).toMatchObject({ suspended: true, suspensionId })
  })

  it('keeps the online signer from assignments and freshness statements too', async () => {
    await fixture.start('online')
    await fixture.stop('online')
    writeFileSync(folderOf('online.host'), 'another host\n')
    const online = await fixture.start('online')
    await expect(online.request('freshness', { nonce: null })).rejects.toEqual(suspended)
    const plan = await fixture.approvedPlan(fixture.plan([new Uint8Array(32)]))
    const assign = { ...plan, deviceId: deviceIdOf(1), manifestSha256: new Uint8Array(32) }
    await expect(online.request('assign', assign)).rejects.toEqual(suspended)
    const { suspensionId } = await online.request('status', {})
    const order = {
      namespace: 'gateway/prod',
      process: 'online' as const,
      suspensionId,
      sequences: new Map<string, number>(),
    }
    const bytes = encodeResumeOrder({ ...order, leastKrlNumber: 1 })
    const approved = await approve('resume-signer', bytes, ['security-1', 'security-2'])
    expect(await online.request('resume', approved)).toMatchObject({ suspended: false })
    await expect(online.request('freshness', { nonce: null })).resolves.toHaveProperty('freshness')
  })
})

describe('resume', () => {
  beforeEach(() => restore(() => sign(7)))

  it('goes on above the sequence that people name, and stays resumed', async () => {
    expect(await release.request('resume', await resume())).toMatchObject({ suspended: false })
    await expect(sign(7)).rejects.toEqual(refusedBySigner('SEQUENCE_OVERTAKEN', 9))
    await restart()
    await expect(sign(8)).resolves.toHaveProperty('envelope')
  })

  it('leaves every earlier approval void', async () => {
    await release.request('resume', await resume())
    const before = fixture.clock.seconds - 1
    await expect(sign(8, before)).rejects.toEqual(refusedBySigner('APPROVAL_VOID', 12))
    await restart()
    await expect(sign(8, before)).rejects.toEqual(refusedBySigner('APPROVAL_VOID', 12))
  })

  it('needs its quorum', async () => {
    const order = await resume({}, ['security-1'])
    await expect(release.request('resume', order)).rejects.toEqual(refusedBySigner('QUORUM_NOT_MET', 12))
  })

  it.each<[string, Partial<ResumeOrder>, RefusalCode, number]>([
    ['for the other process', { process: 'online' }, 'ORDER_MISMATCH', 2],
    ['for another namespace', { namespace: 'gateway/dev' }, 'WRONG_NAMESPACE', 2],
    ['of an earlier suspension', { suspensionId: new Uint8Array(16) }, 'ORDER_MISMATCH', 25],
    ['that names a KRL it does not hold', { leastKrlNumber: 2 }, 'KRL_OLD', 10],
  ])('refuses an order %s', async (_, change, code, check) => {
    await expect(release.request('resume', await resume(change))).rejects.toEqual(refusedBySigner(code, check))
  })

  it('refuses approvals over another order', async () => {
    const order = await resume()
    const other = await resume({ sequences: new Map() })
    await expect(release.request('resume', { ...order, order: other.order })).rejects.toEqual(
      refusedBySigner('APPROVAL_MISMATCH', 12),
    )
  })

  it('refuses an order when nothing is suspended any more', async () => {
    const order = await resume()
    await release.request('resume', order)
    await expect(release.request('resume', order)).rejects.toEqual(refusedBySigner('ORDER_MISMATCH', 25))
  })
})

describe('clock-reset', () => {
  async function reset(change: Partial<ClockResetOrder> = {}, approvers = ['security-1']): Promise<Approved> {
    const { lastSeen } = await release.request('status', {})
    const [notBefore, expires] = [fixture.clock.seconds - 60, fixture.clock.seconds + 3_600]
    const order = { namespace: 'gateway/prod', process: 'release' as const, lastSeen, notBefore, expires, ...change }
    const approval = { notBefore: fixture.clock.seconds - 60, expires: fixture.clock.seconds + 3_600 }
    return approve('clock-reset', encodeClockResetOrder(order), approvers, approval)
  }

  it('lets a clock go on that ran ahead and was stored, also after a restart', async () => {
    fixture.clock.seconds += 3_000
    await fixture.signRelease(release, 1)
    fixture.clock.seconds -= 3_000
    await expect(sign(2)).rejects.toEqual(refusedBySigner('CLOCK_BEHIND', 4))
    const now = fixture.clock.seconds
    expect(await release.request('clock-reset', await reset())).toMatchObject({ lastSeen: now })
    await restart()
    await expect(sign(2)).resolves.toHaveProperty('envelope')
  })

  it('lets a clock go on that was set by more than an hour', async () => {
    fixture.clock.seconds += 7_200
    fixture.uptime.jumpSeconds = 7_200
    const since = fixture.clock.seconds - 10
    const image = imageOf(1)
    await expect(release.hashImage(piecesOf(image), image.length)).rejects.toEqual(refusedBySigner('CLOCK_JUMPED', 4))
    await release.request('clock-reset', await reset())
    await release.hashImage(piecesOf(image), image.length)
    const wish = { approval: { notBefore: since, expires: since + 3_600 } }
    await expect(release.request('sign', await fixture.signRequest(1, wish))).resolves.toHaveProperty('envelope')
  })

  it('needs its quorum', async () => {
    await expect(release.request('clock-reset', await reset({}, ['manager-1']))).rejects.toEqual(
      refusedBySigner('QUORUM_NOT_MET', 12),
    )
  })

  it.each<[string, (now: number) => Partial<ClockResetOrder>, RefusalCode, number]>([
    ['for the other process', () => ({ process: 'online' }), 'ORDER_MISMATCH', 2],
    ['about another last time seen', () => ({ lastSeen: 1 }), 'ORDER_MISMATCH', 4],
    ['of yesterday', (now) => ({ notBefore: now - 80_000, expires: now }), 'ORDER_MISMATCH', 4],
    ['of tomorrow', (now) => ({ notBefore: now + 1, expires: now + 80_000 }), 'ORDER_MISMATCH', 4],
    ['that lasts two days', (now) => ({ notBefore: now, expires: now + 172_800 }), 'DOCUMENT_MALFORMED', 1],
  ])('refuses an order %s', async (_, change, code, check) => {
    const order = await reset(change(fixture.clock.seconds))
    await expect(release.request('clock-reset', order)).rejects.toEqual(refusedBySigner(code, check))
  })

  it('refuses an order a second time', async () => {
    const order = await reset()
    await release.request('clock-reset', order)
    await expect(release.request('clock-reset', order)).rejects.toEqual(refusedBySigner('REQUEST_SPENT', 16))
  })
})
