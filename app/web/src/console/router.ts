import { createRouter, createWebHistory } from 'vue-router'
import ConsoleLayout from './ConsoleLayout.vue'

export const router = createRouter({
  history: createWebHistory('/console/'),
  routes: [{ path: '/:rest(.*)*', component: ConsoleLayout }],
})
