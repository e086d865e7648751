import { spawnSync } from 'node:child_process'
import { cpSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { fileURLToPath } from 'node:url'

export const projectRoot = join(dirname(fileURLToPath(import.meta.url)), '..', '..')

/** Everything a tool reads its rules from: planted code is judged by the real ones. */
const rules = [
  '.dependency-cruiser.cjs',
  '.oxlintrc.json',
  '.prettierignore',
  '.prettierrc',
  'jest.config.mjs',
  'knip.json',
  'package.json',
  'tsconfig.build.json',
  'tsconfig.json',
  'scripts/check.mjs',
]

export interface ToolRun {
  readonly status: number | null
  readonly stdout: string
  readonly stderr: string
}

/** A throw-away project that holds this project's rules and the planted files, and nothing else. */
export class PlantedProject {
  readonly root = mkdtempSync(join(tmpdir(), 'countersign-planted-'))

  /** @param files source text by path from the project's root. */
  constructor(files: Readonly<Record<string, string>>) {
    for (const path of rules) cpSync(join(projectRoot, path), join(this.root, path), { recursive: true })
    symlinkSync(join(projectRoot, 'node_modules'), join(this.root, 'node_modules'))
    for (const [path, source] of Object.entries(files)) {
      mkdirSync(dirname(join(this.root, path)), { recursive: true })
      writeFileSync(join(this.root, path), source)
    }
  }

  /** Runs a tool of node_modules here and waits for it; a failing exit is an answer, not an error. */
  run(tool: string, ...args: readonly string[]): ToolRun {
    return runTool(this.root, tool, ...args)
  }

  remove(): void {
    rmSync(this.root, { recursive: true })
  }
}

export function runTool(root: string, tool: string, ...args: readonly string[]): ToolRun {
  const command = tool === 'node' ? process.execPath : join(projectRoot, 'node_modules', '.bin', tool)
  // The flags Jest needs are not for the tools.
  const env = { ...process.env, NODE_OPTIONS: '', FORCE_COLOR: '0', NO_COLOR: '1' }
  const { status, stdout, stderr } = spawnSync(command, args, {
    cwd: root,
    encoding: 'utf8',
    env,
    maxBuffer: 64 * 1024 * 1024,
  })
  return { status, stdout, stderr }
}

/** Which rules were reported for which file, each once, in alphabetical order. */
export function groupByFile(reports: readonly (readonly [file: string, rule: string])[]): Record<string, string[]> {
  const grouped: Record<string, string[]> = {}
  for (const [file, rule] of reports) grouped[file] = [...new Set([...(grouped[file] ?? []), rule])].sort()
  return grouped
}
