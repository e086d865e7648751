import { randomBytes } from 'node:crypto'
import { writeFileSync } from 'node:fs'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { CliHouse } from '../../test/support/cli-house.js'
import { findBase64Url } from '../domain/bytes.js'
import { parseRolloutPlan } from '../domain/trust/rollout-plan.js'

type Answer = Readonly<Record<string, unknown>>

/** On the command line, in front of the whole server, real signers and a token. */
describe('release create --fallback', () => {
  let house: CliHouse
  let first = ''
  beforeAll(async () => {
    house = await CliHouse.start()
    const { id } = await create('1.0.0')
    await approve(id, 'manager-1')
    await approve(id, 'manager-2')
    first = String(id)
  }, 120_000)
  afterAll(() => house.stop())

  async function ask(person: string, ...words: string[]): Promise<Answer> {
    const lines = await house.must(person, ...words, '--json')
    return JSON.parse(lines.join('\n')) as Answer
  }

  async function create(version: string, ...more: string[]): Promise<Answer> {
    const file = house.path(`image-${version}`)
    writeFileSync(file, randomBytes(4_000))
    const wish = ['--version', version, '--class', 'gateway/rev-b/prod', ...house.signing('engineer-1').slice(0, 4)]
    const { requestId } = await ask('engineer-1', 'firmware', 'upload', file, ...wish)
    return ask('engineer-1', 'release', 'create', '--request', String(requestId), ...more)
  }

  const approve = (id: unknown, person: string): Promise<Answer> =>
    ask(person, 'release', 'approve', String(id), ...house.signing(person))

  it('has both approved in one act and signed together, and a rollout goes by both', async () => {
    const fallback = ['--fallback', first, ...house.signing('engineer-1').slice(0, 4)]
    const release = await create('1.1.0', ...fallback)
    expect(typeof release['fallbackId']).toBe('string')
    const shown = await house.must(
      'manager-1',
      'release',
      'approve',
      String(release['id']),
      ...house.signing('manager-1'),
    )
    expect(shown).toEqual(
      expect.arrayContaining([
        'FALLBACK: what devices are sent when this release fails. It is signed together with it.',
        'The version goes DOWN from 1.1.0 to 1.0.0: this is a rollback.',
        'Its image was signed before, as version 1.0.0, sequence 1.',
      ]),
    )
    expect(await approve(release['id'], 'manager-2')).toMatchObject({ state: 'signed' })
    const both = [release['id'], release['fallbackId']].map((id) => ask('manager-1', 'release', 'show', String(id)))
    const [signed, spare] = await Promise.all(both)
    expect(spare).toMatchObject({ state: 'signed', version: '1.0.0', sequence: Number(signed?.['sequence']) + 1 })
    const pace = ['--devices-per-hour', '10', '--devices-total', '10', '--gate', '90%', '--failure-limit', '1']
    const words = ['--release', String(release['id']), '--stage', '100%', ...pace]
    const rollout = await ask('fleet-1', 'rollout', 'create', ...words)
    expect(rollout).toMatchObject({ fallbackReleaseId: release['fallbackId'] })
    const plan = parseRolloutPlan(findBase64Url(String(rollout['plan'])) ?? new Uint8Array(0))
    expect(plan.manifests.map((digest) => Buffer.from(digest).toString('hex'))).toEqual(
      [signed, spare].map((each) => each?.['manifestSha256']),
    )
  })

  it("wants the engineer's key, since the fallback is submitted anew", async () => {
    const { errors } = await house.run('engineer-1', 'release', 'create', '--request', 'r', '--fallback', first)
    expect(errors[0]).toContain('CONFIGURATION (name=--key')
  })

  it('takes no fallback that was not signed', async () => {
    const { id } = await create('1.2.0')
    const words = ['release', 'create', '--request', 'r', '--fallback', String(id), ...house.signing('engineer-1')]
    const { errors } = await house.run('engineer-1', ...words.slice(0, -1))
    expect(errors[0]).toContain('STATE (what=release state=awaiting-approval wanted=signed)')
  })
})
