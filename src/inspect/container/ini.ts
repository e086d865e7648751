/** Keys and values by section, as GLib's key files have them. What is not understood is passed over. */
export type Ini = ReadonlyMap<string, ReadonlyMap<string, string>>

export function readIni(text: string): Ini {
  const sections = new Map<string, Map<string, string>>()
  let section = new Map<string, string>()
  for (const line of text.split('\n')) {
    const trimmed = line.trim()
    if (trimmed === '' || trimmed.startsWith('#')) continue
    if (trimmed.startsWith('[') && trimmed.endsWith(']')) {
      const name = trimmed.slice(1, -1)
      section = sections.get(name) ?? new Map<string, string>()
      sections.set(name, section)
      continue
    }
    const at = trimmed.indexOf('=')
    if (at > 0) section.set(trimmed.slice(0, at).trim(), trimmed.slice(at + 1).trim())
  }
  return sections
}
