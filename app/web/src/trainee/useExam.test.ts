import { mount } from '@vue/test-utils'
import { afterEach, describe, expect, it, vi } from 'vitest'
import { defineComponent, h, nextTick } from 'vue'
import type { Attempt } from '@/api/types'
import ExamPaper from './components/ExamPaper.vue'
import { useExam } from './useExam'

const attempt = (no: number): Attempt => ({
  id: `attempt-${no}`,
  title: '结业考核',
  state: 'running',
  check_in: null,
  paper: {
    questions: [1, 2].map((index) => ({
      no: index,
      kind: 'single' as const,
      stem: `第${index}题`,
      options: [
        { key: 'A', text: '甲' },
        { key: 'B', text: '乙' },
      ],
      score: 1,
    })),
  },
  answers: [],
  last_seq: 0,
  started_at: '2026-03-02T01:00:00Z',
  deadline_at: '2100-01-01T00:00:00Z',
  server_time: '2026-03-02T01:00:00Z',
  duration_s: 600,
  submitted_at: null,
  mode: null,
  result: null,
  pdf_ready: false,
  claimable: false,
})

const json = (body: unknown) => new Response(JSON.stringify(body), { status: 200 })

function room(number: number) {
  const sent: unknown[] = []
  vi.stubGlobal('fetch', async (url: string, init: RequestInit) => {
    if (!url.endsWith('/answers')) return json(attempt(number))
    const body = JSON.parse(String(init.body)) as { seq: number }
    sent.push(body)
    return json({ seq: body.seq, saved_at: '2026-03-02T01:00:01Z', server_time: '', deadline_at: '2100-01-01T00:00:00Z' })
  })
  const Room = defineComponent({
    setup() {
      const exam = useExam('enrollment')
      void exam.start()
      return () =>
        exam.isRunning.value && exam.attempt.value?.paper
          ? h(ExamPaper, {
              questions: exam.attempt.value.paper.questions,
              answers: exam.answers.value,
              deadline: exam.deadline.value,
              savedAt: exam.savedAt.value,
              unsent: exam.unsent.value,
              saveStateOf: exam.saveStateOf,
              saveProblem: null,
              isSubmitting: false,
              submitProblem: null,
              onChoose: exam.choose,
            })
          : null
    },
  })
  return { page: mount(Room), sent }
}

describe('exam room', () => {
  afterEach(() => vi.unstubAllGlobals())

  it('counts an answer as given, marks it saved once the server has it, and keeps it when changed', async () => {
    const { page, sent } = room(1)
    await vi.waitFor(() => expect(page.text()).toContain('第 1 / 2 题'))
    expect(page.text()).toContain('已答 0 / 2')
    await page.find('input[value="A"]').trigger('change')
    await nextTick()
    expect(page.text()).toContain('已答 1 / 2')
    await vi.waitFor(() => expect(page.text()).toContain('已保存'))
    await page.find('input[value="B"]').trigger('change')
    await vi.waitFor(() => expect(sent).toMatchObject([{ no: 1, seq: 1, value: ['A'] }, { no: 1, seq: 2, value: ['B'] }]))
    expect(page.text()).toContain('已答 1 / 2')
    page.unmount()
  })
})
