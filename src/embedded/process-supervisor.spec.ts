import { spawn } from 'node:child_process'
import { mkdtemp, readFile, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll, beforeAll, describe, expect, it } from '@jest/globals'
import { ProcessSupervisor } from './process-supervisor.js'

/** Waits for what has to come; the test's own limit ends it. */
async function until(holds: () => boolean): Promise<void> {
  while (!holds()) await sleep(20)
}

describe('the process supervisor', () => {
  let folder = ''
  beforeAll(async () => {
    folder = await mkdtemp(join(tmpdir(), 'cs-supervisor-'))
  })
  afterAll(() => rm(folder, { recursive: true }))

  const shell = (name: string, script: string) => ({
    name,
    command: ['sh', '-c', script],
    logFile: join(folder, `${name}.log`),
    stopGraceMs: 1_000,
  })

  it('ends what it owns in reverse order, and one that fails does not keep the others up', async () => {
    const supervisor = new ProcessSupervisor()
    const ended: string[] = []
    const stoppable = (name: string) => ({ stop: () => Promise.resolve(ended.push(name)).then(() => undefined) })
    supervisor.own(stoppable('database'))
    supervisor.own({ stop: () => Promise.reject(new Error('stuck')) })
    supervisor.own(stoppable('server'))
    await expect(supervisor.stopAll()).rejects.toMatchObject({ errors: [new Error('stuck')] })
    expect(ended).toEqual(['server', 'database'])
  })

  it('starts nothing any more once it is ending', async () => {
    const supervisor = new ProcessSupervisor()
    await supervisor.stopAll()
    await expect(supervisor.launch(shell('late', 'sleep 60'))).rejects.toThrow('late: the run is being ended')
  })

  it('tells of the first program that ends unasked, and of none that it ends itself', async () => {
    const supervisor = new ProcessSupervisor()
    await supervisor.launch(shell('steady', 'exec sleep 60'))
    const brief = await supervisor.launch(shell('brief', 'echo last words; exec sleep 60'))
    await until(() => brief.logTail().includes('last words'))
    const lost = supervisor.lostOne()
    process.kill(brief.pid ?? 0, 'SIGKILL')
    expect(await lost).toMatchObject({ processName: 'brief', why: 'ended by SIGKILL', logTail: ['last words'] })
    const more = supervisor.lostOne()
    await supervisor.stopAll()
    expect(await Promise.race([more, sleep(1, 'none')])).toBe('none')
  })

  it('finds a program that left its parent and its group, and no more once that is gone', async () => {
    const supervisor = new ProcessSupervisor()
    await supervisor.launch(shell('parent', 'setsid sleep 61 & exec sleep 60'))
    await until(() => supervisor.listLeftovers().filter(({ name }) => name === 'sleep').length === 2)
    await supervisor.stopAll()
    const left = supervisor.listLeftovers()
    expect(left.map((row) => row.name)).toEqual(['sleep'])
    left.forEach((row) => process.kill(row.pid, 'SIGKILL'))
    await until(() => supervisor.listLeftovers().length === 0)
  })

  it('adds up the memory of a program and of those it started', async () => {
    const supervisor = new ProcessSupervisor()
    const hold = 'const held = Buffer.alloc(80_000_000, 1); setTimeout(() => held, 60_000)'
    await supervisor.launch(shell('holder', `"${process.execPath}" -e '${hold}' & wait`))
    await until(() => supervisor.peakRssMb('holder') > 80)
    await supervisor.stopAll()
    expect(supervisor.peakRssMb()).toBeGreaterThanOrEqual(supervisor.peakRssMb('holder'))
    expect(supervisor.peakRssMb('nobody')).toBe(0)
  })

  it.each([
    ['Ctrl-C', 'SIGINT', 130],
    ['a request to end', 'SIGTERM', 143],
  ] as const)('ends everything on %s', async (_, signal, code) => {
    // The compiled program: handlers of a real process, not of the test runner.
    const module = new URL('../../dist/src/embedded/process-supervisor.js', import.meta.url).href
    const logFile = join(folder, `${signal}.log`)
    const script = `
      import { ProcessSupervisor } from ${JSON.stringify(module)}
      const supervisor = new ProcessSupervisor()
      supervisor.stopOnExit((error) => console.log(String(error)))
      const started = await supervisor.launch({ name: 'child', command: ['sleep', '60'], logFile: ${JSON.stringify(logFile)} })
      console.log(started.pid)
      setTimeout(() => undefined, 60_000)`
    const parent = spawn(process.execPath, ['--input-type=module', '-e', script], {
      stdio: ['ignore', 'pipe', 'inherit'],
    })
    const [line] = (await parent.stdout.take(1).toArray()) as [Buffer]
    const child = Number(line.toString())
    expect(await readFile(`/proc/${child}/comm`, 'utf8')).toBe('sleep\n')
    parent.kill(signal)
    expect(await new Promise((resolve) => parent.once('exit', resolve))).toBe(code)
    await expect(readFile(`/proc/${child}/comm`, 'utf8')).rejects.toThrow('ENOENT')
  })
})
