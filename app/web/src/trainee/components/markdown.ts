/** Headings, paragraphs, lists and bold: all that notices need. */
export interface Piece {
  text: string
  isStrong: boolean
}

export interface Block {
  kind: 'heading' | 'paragraph' | 'list'
  lines: Piece[][]
}

/** Cut a text into blocks. */
export function blocks(text: string): Block[] {
  const result: Block[] = []
  let isOpen = false
  for (const raw of text.split(/\r?\n/)) {
    const line = raw.trim()
    if (line === '') {
      isOpen = false
      continue
    }
    const heading = /^#{1,6}\s+(.*)$/.exec(line)
    const item = /^(?:[-*]|\d+[.、])\s+(.*)$/.exec(line)
    const last = result[result.length - 1]
    if (heading) {
      result.push({ kind: 'heading', lines: [pieces(heading[1] as string)] })
      isOpen = false
    } else if (item) {
      if (last?.kind === 'list' && isOpen) last.lines.push(pieces(item[1] as string))
      else result.push({ kind: 'list', lines: [pieces(item[1] as string)] })
      isOpen = true
    } else if (isOpen && last?.kind === 'paragraph') {
      last.lines[0]?.push(...pieces(line))
    } else {
      result.push({ kind: 'paragraph', lines: [pieces(line)] })
      isOpen = true
    }
  }
  return result
}

function pieces(text: string): Piece[] {
  return text
    .split(/(\*\*[^*]+\*\*)/)
    .filter((part) => part !== '')
    .map((part) =>
      part.startsWith('**') && part.endsWith('**') && part.length > 4
        ? { text: part.slice(2, -2), isStrong: true }
        : { text: part, isStrong: false },
    )
}
