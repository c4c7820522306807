import { createRouter, createWebHistory } from 'vue-router'
import { session } from './session'

declare module 'vue-router' {
  interface RouteMeta {
    /** Title in the bar and in the browser's tab. */
    title?: string
    /** Needs no sign-in. */
    isPublic?: boolean
    /** Shows the tabs at the bottom of a phone. */
    hasTabs?: boolean
    /** Where the back arrow leads; none without it. */
    back?: string
    /** Uses the whole width on a large screen. */
    isWide?: boolean
    /** Shows no bar at all. */
    isBare?: boolean
  }
}

export const router = createRouter({
  history: createWebHistory('/'),
  scrollBehavior: (_to, _from, saved) => saved ?? { top: 0 },
  routes: [
    { path: '/login', name: 'login', component: () => import('./pages/LoginPage.vue'), meta: { title: '登录', isPublic: true, isBare: true } },
    { path: '/outbox', name: 'outbox', component: () => import('./pages/OutboxPage.vue'), meta: { title: '演示短信箱', isPublic: true, back: '/login' } },
    { path: '/', name: 'home', component: () => import('./pages/HomePage.vue'), meta: { title: '首页', hasTabs: true, isWide: true } },
    { path: '/consents', name: 'consents', component: () => import('./pages/ConsentsPage.vue'), meta: { title: '须知与同意', back: '/' } },
    { path: '/real-name', name: 'real-name', component: () => import('./pages/RealNamePage.vue'), meta: { title: '实名信息', back: '/' } },
    { path: '/identity', name: 'identity', component: () => import('./pages/IdentityPage.vue'), meta: { title: '身份验证方式', back: '/' } },
    { path: '/identity/face', name: 'face', component: () => import('./pages/FacePage.vue'), meta: { title: '人脸照片', back: '/identity' } },
    { path: '/identity/passkey', name: 'passkey', component: () => import('./pages/PasskeyPage.vue'), meta: { title: '通行密钥', back: '/identity' } },
    { path: '/classes/:enrollment', name: 'class', component: () => import('./pages/ClassPage.vue'), props: true, meta: { title: '班级', back: '/', isWide: true } },
    { path: '/classes/:enrollment/lessons/:lesson', name: 'learn', component: () => import('./pages/LearnPage.vue'), props: true, meta: { title: '上课', back: 'class', isWide: true } },
    { path: '/classes/:enrollment/lessons/:lesson/quiz', name: 'quiz', component: () => import('./pages/QuizPage.vue'), props: true, meta: { title: '随堂测验', back: 'class' } },
    { path: '/classes/:enrollment/exam', name: 'exam', component: () => import('./pages/ExamPage.vue'), props: true, meta: { title: '结业考核', back: 'class', isWide: true } },
    { path: '/me', name: 'me', component: () => import('./pages/MePage.vue'), meta: { title: '我的', hasTabs: true } },
    { path: '/:rest(.*)*', name: 'missing', component: () => import('./pages/MissingPage.vue'), meta: { title: '没有这个页面', isPublic: true, back: '/' } },
  ],
})

router.beforeEach(async (to) => {
  if (to.meta.isPublic) return true
  if (!session.isKnown.value) await session.load()
  if (session.me.value === null) return { name: 'login', query: to.fullPath === '/' ? {} : { next: to.fullPath } }
  return true
})

/**
 * A page that cannot be fetched was usually replaced by a newer version: load the new one from the server, once.
 */
const RELOADED = 'zx-reloaded'
router.onError((_error, to) => {
  if (!navigator.onLine || sessionStorage.getItem(RELOADED) === to.fullPath) return
  sessionStorage.setItem(RELOADED, to.fullPath)
  location.assign(to.fullPath)
})

router.afterEach((to) => {
  sessionStorage.removeItem(RELOADED)
  document.title = `${to.meta.title ?? ''} · 证学`
})
