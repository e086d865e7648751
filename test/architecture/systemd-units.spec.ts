import { afterAll, describe, expect, it } from '@jest/globals'
import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { projectRoot } from './planted-project.js'

const folder = join(projectRoot, 'deploy/systemd')
const units = new Map(readdirSync(folder).map((name) => [name, readFileSync(join(folder, name), 'utf8')]))
const signers = ['countersign-release-signer.service', 'countersign-online-signer.service']

/** What takes network, rights and memory away from a signer; a unit without one of them is no sandbox. */
const walls = [
  'PrivateNetwork=yes',
  'RestrictAddressFamilies=AF_UNIX',
  'PrivateUsers=yes',
  'ProtectSystem=strict',
  'ProtectHome=yes',
  'NoNewPrivileges=yes',
  'CapabilityBoundingSet=',
  'AmbientCapabilities=',
  'LimitCORE=0',
  'SystemCallFilter=@system-service',
  'SystemCallArchitectures=native',
]
const missingWalls = (text: string): string[] => walls.filter((line) => !text.split('\n').includes(line))

const scratch = mkdtempSync(join(tmpdir(), 'countersign-units-'))
afterAll(() => rmSync(scratch, { recursive: true }))

const hasTool = spawnSync('systemd-analyze', ['--version']).status === 0
if (!hasTool) console.log('systemd-analyze is not on this machine: units are read, not verified')

/** The unit as this machine would have it: the tool wants the program to be there. */
function analyze(name: string, text: string, ...command: string[]): { status: number | null; stderr: string } {
  const file = join(scratch, name)
  writeFileSync(file, text.replaceAll('/usr/bin/node', process.execPath))
  const { status, stderr } = spawnSync('systemd-analyze', [...command, file], { encoding: 'utf8' })
  return { status, stderr: stderr.trim() }
}

describe('systemd units', () => {
  it('are there for the server and both signers', () => {
    expect([...units.keys()].sort((a, b) => a.localeCompare(b))).toEqual([
      'countersign-online-signer.service',
      'countersign-release-signer.service',
      'countersign-server.service',
    ])
  })

  it.each(signers)('%s has every wall', (name) => {
    expect(missingWalls(units.get(name) ?? '')).toEqual([])
  })

  it.each(walls)('miss %s when it is taken out', (line) => {
    const unit = units.get(signers[0] ?? '') ?? ''
    expect(missingWalls(unit.replace(`\n${line}\n`, '\n'))).toEqual([line])
  })

  it('let the release signer alone write what the online signer reads', () => {
    const [release = '', online = ''] = signers.map((name) => units.get(name) ?? '')
    expect(release).toContain('\nStateDirectory=countersign-release countersign-published\n')
    expect(online).toContain('\nStateDirectory=countersign-online\n')
    expect(online).toContain('\nBindReadOnlyPaths=%S/countersign-published\n')
  })

  it('keep state below a folder that may be written, since its mark and its host id lie beside it', () => {
    for (const name of ['release', 'online'])
      expect(units.get(`countersign-${name}-signer.service`)).toMatch(
        new RegExp(`SIGNER_STATE_DIR=%S/countersign-${name}/state$`, 'm'),
      )
  })

  it('need nothing that the runbook does not put there', () => {
    const runbook = readFileSync(join(projectRoot, 'docs/runbooks/systemd.md'), 'utf8')
    const paths = [...units.values()].flatMap((text) => [
      ...text.matchAll(/(?<![\w-])\/(?:etc|opt)\/countersign\/([\w.-]+)/g),
    ])
    const names = [...new Set(paths.map(([, name = '']) => name))]
    expect(names.length).toBeGreaterThan(8)
    expect(names.filter((name) => !runbook.includes(name))).toEqual([])
    for (const name of units.keys()) expect(runbook).toContain(name.replace('.service', ''))
  })

  it('give a PIN to its signer as a credential, never in the environment', () => {
    for (const name of signers) expect(units.get(name)).toMatch(/^LoadCredential=pin:/m)
    for (const text of units.values()) expect(text).not.toMatch(/^Environment=.*PIN/m)
  })
})

if (hasTool)
  describe('systemd-analyze', () => {
    it.each([...units])('finds nothing wrong with %s', (name, text) => {
      expect(analyze(name, text, 'verify')).toEqual({ status: 0, stderr: '' })
    })

    it('speaks up about a setting that systemd would ignore', () => {
      const text = (units.get(signers[0] ?? '') ?? '').replace('PrivateNetwork=yes', 'PrivateNetwok=yes')
      expect(analyze('planted.service', text, 'verify').stderr).toMatch(/Unknown key (name )?'PrivateNetwok'/)
    })

    it.each(signers)('rates the exposure of %s at most 1.0, and far higher without its walls', (name) => {
      const text = units.get(name) ?? ''
      const rate = ['security', '--offline=true', '--threshold=10']
      expect(analyze(name, text, ...rate).status).toBe(0)
      const bare = walls.reduce((unit, line) => unit.replace(`\n${line}\n`, '\n'), text)
      expect(analyze(`bare-${name}`, bare, ...rate).status).toBe(1)
    })
  })
