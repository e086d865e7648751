import { mkdtemp, rm, stat } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { ManagedProcess, type ProcessRecipe } from './managed-process.js'
import { findProcess } from './process-table.js'

describe('a managed process', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cs-process-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  let recipes = 0
  const recipe = (script: string, more: Partial<ProcessRecipe> = {}): ProcessRecipe => {
    recipes += 1
    return { name: 'probe', command: ['sh', '-c', script], logFile: join(folder, `${recipes}.log`), ...more }
  }
  const isAlive = (pid: number): boolean => findProcess(pid)?.isZombie === false
  const wroteReady = (logged: ManagedProcess) => () => Promise.resolve(logged.logTail().includes('ready'))

  it('keeps what the program wrote in a file for our eyes only', async () => {
    const started = ManagedProcess.spawn(recipe('echo one; echo two >&2'))
    await started.ended
    expect(started.logTail()).toEqual(['one', 'two'])
    expect((await stat(started.recipe.logFile)).mode & 0o777).toBe(0o600)
  })

  it('says how a program ended that was never ready, with its last words', async () => {
    const failing = recipe('echo port taken; exit 3', { isReady: () => Promise.resolve(false) })
    await expect(ManagedProcess.start(failing)).rejects.toMatchObject({
      name: 'ProcessFailure',
      why: 'ended with code 3',
      logTail: ['port taken'],
    })
  })

  it('says that a program does not exist', async () => {
    const missing = recipe('', { command: [join(folder, 'nothing-here')] })
    await expect(ManagedProcess.start(missing)).rejects.toMatchObject({ why: expect.stringContaining('ENOENT') })
  })

  it('stops a program that takes too long to get ready', async () => {
    const slow = ManagedProcess.spawn(
      recipe('exec sleep 60', { isReady: () => Promise.resolve(false), readyTimeoutMs: 100 }),
    )
    await expect(slow.waitUntilReady()).rejects.toMatchObject({ why: 'not ready after 100 ms' })
    expect(isAlive(Number(slow.pid))).toBe(false)
  })

  it('asks first: the program may end in its own way', async () => {
    const polite = ManagedProcess.spawn(
      recipe(`trap 'echo goodbye; exit 0' TERM; echo ready; while :; do sleep 0.02; done`),
    )
    while (!(await wroteReady(polite)())) await sleep(10)
    await polite.stop()
    expect(polite.logTail().at(-1)).toBe('goodbye')
    expect(await polite.ended).toBe('ended with code 0')
  })

  it('kills the whole group of a program that does not listen', async () => {
    const deaf = ManagedProcess.spawn(
      recipe(`trap '' TERM; sleep 60 & echo $!; echo ready; while :; do sleep 1; done`, { stopGraceMs: 100 }),
    )
    while (!(await wroteReady(deaf)())) await sleep(10)
    const grandchild = Number(deaf.logTail()[0])
    expect(isAlive(grandchild)).toBe(true)
    await deaf.stop()
    expect(await deaf.ended).toBe('ended by SIGKILL')
    await sleep(20)
    expect(isAlive(grandchild)).toBe(false)
  })
})
