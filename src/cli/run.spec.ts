import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import type { Command } from 'commander'
import { writeFileSync } from 'node:fs'
import { CHEAP_COST, CliBench, RecordingTerminal } from '../../test/support/cli-bench.js'
import { CourierServer } from '../../test/support/courier-server.js'
import { CliHome } from './cli-home.js'
import { buildProgram } from './program.js'

let bench: CliBench
beforeAll(async () => {
  bench = await CliBench.make()
  await bench.login()
})
afterAll(() => bench.close())

/** Every command that does something, by its whole name. */
function leavesOf(command: Command, path: readonly string[] = []): [string, Command][] {
  const name = [...path, command.name()]
  if (command.commands.length === 0) return [[name.join(' '), command]]
  return command.commands.flatMap((each) => leavesOf(each, name))
}

function helpOf(command: Command): string {
  const lines: string[] = []
  command.configureOutput({ writeOut: (text) => lines.push(text) }).outputHelp()
  return lines.join('')
}

const leaves = leavesOf(
  buildProgram({
    terminal: new RecordingTerminal(),
    home: new CliHome('nowhere'),
    clock: { nowSeconds: () => 0 },
    newId: () => '',
    sleep: async () => undefined,
    keyFileCost: CHEAP_COST,
  }),
)

describe('countersign', () => {
  it('has the commands of every person', () => {
    expect(leaves.length).toBeGreaterThan(40)
  })

  it.each(leaves)('%s has --json and an example that names it', (name, command) => {
    expect(command.options.map((option) => option.long)).toContain('--json')
    expect(helpOf(command)).toContain(`Example:\n  $ ${name.replace(/ <.*/, '')} `.trimEnd())
  })

  it.each([
    ['no command', []],
    ['an unknown command', ['release', 'bless', 'r8']],
    ['a missing option', ['release', 'approve', 'r8']],
    ['a stage that is no number', ['rollout', 'create', '--release', 'r8', '--stage', 'some']],
    ['a reason we have no word for', ['keys', 'revoke', '12345678', '--reason', 'boredom', '--key', 'k']],
  ])('exits with 2 for %s', async (_, words) => {
    expect((await bench.run(...words)).exitCode).toBe(2)
  })

  it('exits with 0 for help', async () => {
    expect((await bench.run('release', 'approve', '--help')).exitCode).toBe(0)
  })

  it('says in two lines that nobody listens', async () => {
    const { namespace } = bench.trust
    const gone = await CourierServer.start(namespace)
    await gone.stop()
    await bench.must('login', '--server', gone.url, '--namespace', namespace, '--token-file', bench.path('token'))
    const { exitCode, errors } = await bench.run('release', 'list')
    await bench.login()
    expect(errors).toEqual([
      `refused: SERVER_UNREACHABLE (server=${gone.url} why=connection refused: nothing listens there)`,
      'next: see that the server runs and that "countersign login" named the right address',
    ])
    expect(exitCode).toBe(1)
  })

  it('says which field of an answer it cannot read', async () => {
    bench.courier.on('GET /releases', () => ({ items: [{ id: 7 }] }))
    expect((await bench.run('release', 'list')).errors[0]).toContain(
      'refused: SERVER_ANSWER (path=/releases why=items.0.id: ',
    )
  })

  it('never pins a second root over the first', async () => {
    const other = await CliBench.make({ now: bench.trust.now })
    writeFileSync(bench.path('other.cbor'), other.trust.rootBytes)
    await other.close()
    const { errors } = await bench.run('init', '--root', bench.path('other.cbor'), '--yes')
    expect(errors[0]).toContain('refused: CONFLICT (what=root 1')
  })

  it('refuses a root of another namespace', async () => {
    const other = await CliBench.make({ namespace: 'gateway/lab' })
    writeFileSync(bench.path('lab.cbor'), other.trust.rootBytes)
    await other.close()
    const { errors } = await bench.run('init', '--root', bench.path('lab.cbor'), '--yes')
    expect(errors[0]).toBe('refused: WRONG_NAMESPACE (expected=gateway/prod found=gateway/lab)')
  })
})
