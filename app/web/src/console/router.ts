import { createRouter, createWebHistory } from 'vue-router'
import { whenSignedOut } from '@/shared/api/http'
import { decide } from './access'
import { homeOf } from './menu'
import { forget, knowMe, me, role } from './session'

declare module 'vue-router' {
  interface RouteMeta {
    /** Shown without a signed-in account. */
    open?: boolean
    /** Shown to every role. */
    all?: boolean
  }
}

export const router = createRouter({
  history: createWebHistory('/console/'),
  scrollBehavior: (to, from, saved) => saved ?? (to.path === from.path ? {} : { top: 0 }),
  routes: [
    { path: '/login', component: () => import('./pages/LoginPage.vue'), meta: { title: '登录', open: true } },
    {
      path: '/',
      component: () => import('./ConsoleLayout.vue'),
      children: [
        { path: '', name: 'home', redirect: () => homeOf(role.value), meta: { title: '', all: true } },
        { path: 'courses', component: () => import('./pages/CourseList.vue'), meta: { title: '课程' } },
        { path: 'courses/new', component: () => import('./pages/CourseNew.vue'), meta: { title: '新建课程' } },
        {
          path: 'courses/:id',
          component: () => import('./pages/CoursePage.vue'),
          props: true,
          meta: { title: '课程详情' },
        },
        { path: 'classes', component: () => import('./pages/ClassList.vue'), meta: { title: '班级' } },
        {
          path: 'classes/:id',
          component: () => import('./pages/ClassPage.vue'),
          props: true,
          meta: { title: '班级详情' },
        },
        { path: 'trace', component: () => import('./pages/TraceSearch.vue'), meta: { title: '学员追溯' } },
        {
          path: 'trace/:id',
          component: () => import('./pages/TracePage.vue'),
          props: true,
          meta: { title: '追溯记录' },
        },
        { path: 'city', component: () => import('./pages/CityPage.vue'), meta: { title: '推送状态' } },
        { path: 'status', component: () => import('./pages/StatusPage.vue'), meta: { title: '系统状态' } },
        {
          path: 'password',
          component: () => import('./pages/PasswordPage.vue'),
          meta: { title: '修改密码', all: true },
        },
        {
          path: ':rest(.*)*',
          component: () => import('./pages/NotFoundPage.vue'),
          meta: { title: '没有这个页面', all: true },
        },
      ],
    },
  ],
})

router.beforeEach(async (to) => {
  await knowMe()
  return decide(me.value, to)
})

router.afterEach((to) => {
  document.title = `${to.meta.title || '工作台'} · 证学`
})

whenSignedOut(() => {
  forget()
  const { fullPath, meta } = router.currentRoute.value
  if (!meta.open) void router.replace({ path: '/login', query: { next: fullPath, ended: '1' } })
})
